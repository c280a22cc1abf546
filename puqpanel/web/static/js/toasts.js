/* Shows flashed messages as toasts. Errors stay; others close after a while, unless hovered. */
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

  const show = (notice) => {
    const toasts = container();
    const toast = $("#toast").content.firstElementChild.cloneNode(true);
    const tone = toneOf(notice);
    const icon = $("i", notice).cloneNode(true);
    icon.classList.add(`t-${tone}`);
    toast.prepend(icon);
    toast.setAttribute("role", tone === "bad" ? "alert" : "status");
    $("div", toast).append(...$("div", notice).childNodes);
    notice.remove();
    toasts.append(toast);
    const close = () => toast.remove();
    $("button", toast).addEventListener("click", close);
    if (tone !== "bad") closeLater(toast, close);
  };

  onContent((within) => $$("[data-flash] .note", within).forEach(show));
}
