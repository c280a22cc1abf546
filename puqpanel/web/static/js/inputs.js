/* Inputs: confirmation by typing, selects that submit their form, showing passwords. */
"use strict";

onContent((within) => {
  $$("[data-type-to-confirm]", within).forEach((input) => {
    const button = $("[data-confirmed]", input.form);
    const check = () => {
      button.disabled = input.value.trim() !== input.dataset.typeToConfirm;
    };
    input.addEventListener("input", check);
    check();
  });
  $$("select[data-submit]", within).forEach((select) =>
    select.addEventListener("change", () => select.form.requestSubmit()),
  );
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-eye]");
  if (!button) return;
  const input = document.getElementById(button.dataset.eye);
  const shown = input.type === "password";
  input.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
  $("i", button).classList.toggle("fa-eye", !shown);
  $("i", button).classList.toggle("fa-eye-slash", shown);
});
