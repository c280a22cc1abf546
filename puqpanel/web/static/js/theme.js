/* Switches between the light and the dark theme. */
"use strict";

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-flip]")) return;
  const root = document.documentElement;
  const theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
  root.dataset.bsTheme = theme;
  setCookie("theme", theme);
});
