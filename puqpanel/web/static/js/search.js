/* Ctrl-K and Cmd-K focus the search field; arrows move through its results, Escape closes them. */
"use strict";

document.addEventListener("keydown", (event) => {
  const find = event.target.closest?.(".find");
  const found = find && $(".search-results", find);
  if (!found) return;
  if (event.key === "Escape") {
    found.replaceChildren();
    $("input", find).focus();
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !found.firstElementChild) return;
  event.preventDefault();
  const stops = [$("input", find), ...found.querySelectorAll("a")];
  const next = stops.indexOf(document.activeElement) + step;
  stops[(next + stops.length) % stops.length].focus();
});

document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k") return;
  const search = $("#search") || $('.bar input[type="search"]');
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
});
