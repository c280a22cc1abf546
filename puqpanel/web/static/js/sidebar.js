/* The sidebar on small screens: closes on Esc and on clicks outside, and restores the focus. */
"use strict";

{
  const sidebar = $("#side");
  let opener = null;

  const setOpen = (open) => {
    sidebar.classList.toggle("open", open);
    if (open) {
      $("a", sidebar)?.focus();
    } else {
      opener?.focus();
      opener = null;
    }
  };

  if (sidebar) {
    document.addEventListener("click", (event) => {
      const isOpen = sidebar.classList.contains("open");
      const link = event.target.closest("[data-side]");
      if (link) {
        event.preventDefault();
        if (!isOpen) opener = link;
        setOpen(!isOpen);
      } else if (isOpen && !sidebar.contains(event.target)) {
        setOpen(false);
      }
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && sidebar.classList.contains("open")) setOpen(false);
    });
  }
}
