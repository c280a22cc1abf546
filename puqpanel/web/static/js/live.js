/* Requests that htmx sends: CSRF token, sign-out, and when parts of a page may be replaced. */
"use strict";

document.addEventListener("htmx:configRequest", (event) => {
  const token = $('meta[name="csrf-token"]');
  if (token && event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = token.content;
});

// signed out meanwhile: reloading leads to the sign-in page
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) location.reload();
});

// what was entered and not sent must not be lost
document.addEventListener("input", (event) => {
  const form = event.target.closest("main form");
  if (form) form.dataset.edited = "yes";
});
document.addEventListener("reset", (event) => delete event.target.dataset.edited);

// a part that reloads itself waits while rows are selected, a menu is open or a form is edited
document.addEventListener("htmx:beforeRequest", (event) => {
  const part = event.target;
  if (!part.matches('[hx-trigger^="every"]')) return;
  const replaced = $(part.getAttribute("hx-target") || "#none") || part;
  const list = part.matches("[data-live]") && $("input:checked, details[open]", part);
  if (list || $("form[data-edited]", replaced)) event.preventDefault();
});

// the tasks have ended, and the rest of the page is outdated
let leaving = false;
window.addEventListener("beforeunload", () => {
  leaving = true; // reloading would cancel it
  setTimeout(() => (leaving = false), 10_000); // a download does not leave the page
});
document.addEventListener("pageOutdated", () => {
  if (!leaving && !$("main form[data-edited]")) location.reload();
});
