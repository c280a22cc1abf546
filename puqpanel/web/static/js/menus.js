/* Menus: Esc and clicks outside close them; Esc also returns the focus to the button. */
"use strict";

{
  const openMenus = () => $$("details.menu[open]");

  document.addEventListener("click", (event) => {
    openMenus().forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    openMenus().forEach((menu) => {
      menu.open = false;
      $("summary", menu).focus();
    });
  });
}
