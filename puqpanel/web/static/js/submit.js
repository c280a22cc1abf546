/* Prevents double submits, and shows that the form is being submitted. */
"use strict";

{
  const showBusy = (form, submitter) => {
    $$("button:not([type=button])", form).forEach((button) => {
      button.setAttribute("aria-disabled", "true");
    });
    if (!submitter?.matches(".btn")) return;
    submitter.style.minWidth = `${submitter.offsetWidth}px`;
    const icon =
      $("i", submitter) ||
      submitter.insertAdjacentElement("afterbegin", document.createElement("i"));
    icon.className = "fa-solid fa-rotate turn";
    icon.setAttribute("aria-hidden", "true");
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method.toLowerCase() === "get" || event.defaultPrevented) return;
    if (form.dataset.busy) {
      event.preventDefault();
      return;
    }
    form.dataset.busy = "yes";
    // after the browser has read the form, or the submitter's value would be missing
    setTimeout(() => showBusy(form, event.submitter));
  });

  // the browser's Back restores the page as it was left
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    $$("form[data-busy]").forEach((form) => {
      delete form.dataset.busy;
    });
    $$("form [aria-disabled=true]").forEach((button) => button.removeAttribute("aria-disabled"));
  });
}
