/* Ctrl-K and Cmd-K focus the search field. */
"use strict";

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k") return;
  const search = $("#search") || $('.bar input[type="search"]');
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
});
