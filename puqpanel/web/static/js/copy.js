/* Buttons that copy a text or the value of an input. */
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const text = source ? (source.value ?? source.textContent) : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // the clipboard is not available without TLS: select the text instead
    if (source?.select) source.select();
    return;
  }
  const icon = $("i", button);
  const before = icon.className;
  icon.className = "fa-solid fa-check t-good";
  setTimeout(() => {
    icon.className = before;
  }, 1500);
});
