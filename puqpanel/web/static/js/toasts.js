/* Shows flashed messages and refused requests as toasts. Errors stay; others close after a while, unless hovered.
   On phones, where toasts would cover buttons, flashed messages stay at the top of the page. */
"use strict";

{
  const TIMEOUT_MS = 6000;
  const TIMEOUT_AFTER_HOVER_MS = 3000;

  const container = () => {
    let toasts = $(".toasts");
    if (!toasts) {
      toasts = document.createElement("div");
      toasts.className = "toasts";
      toasts.setAttribute("aria-live", "polite");
      document.body.append(toasts);
    }
    return toasts;
  };

  const closeLater = (toast, close) => {
    let timer = setTimeout(close, TIMEOUT_MS);
    const pause = () => clearTimeout(timer);
    const resume = () => {
      clearTimeout(timer);
      timer = setTimeout(close, TIMEOUT_AFTER_HOVER_MS);
    };
    toast.addEventListener("mouseenter", pause);
    toast.addEventListener("focusin", pause);
    toast.addEventListener("mouseleave", resume);
    toast.addEventListener("focusout", resume);
  };

  const toneOf = (notice) => {
    if (notice.classList.contains("note-bad")) return "bad";
    return notice.classList.contains("note-warn") ? "warn" : "good";
  };

  const add = (tone, icon, ...contents) => {
    const toast = $("#toast").content.firstElementChild.cloneNode(true);
    icon.classList.add(`t-${tone}`);
    toast.prepend(icon);
    toast.setAttribute("role", tone === "bad" ? "alert" : "status");
    $("div", toast).append(...contents);
    container().append(toast);
    const close = () => toast.remove();
    $("button", toast).addEventListener("click", close);
    if (tone !== "bad") closeLater(toast, close);
  };

  const show = (notice) => {
    add(toneOf(notice), $("i", notice).cloneNode(true), ...$("div", notice).childNodes);
    notice.remove();
  };

  // a refused request of htmx changes nothing on the page: say why
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status !== 403) return;
    let message = "";
    try {
      message = JSON.parse(event.detail.xhr.responseText).message;
    } catch {
      return; // not an error of the panel
    }
    const icon = document.createElement("i");
    icon.className = "fa-solid fa-circle-xmark";
    icon.setAttribute("aria-hidden", "true");
    if (message) add("bad", icon, message);
  });

  const onPhone = matchMedia("(max-width: 767.98px)").matches;
  if (!onPhone) onContent((within) => $$("[data-flash] .note", within).forEach(show));
}
