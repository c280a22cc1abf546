/* Requests that htmx sends: CSRF token, sign-out, and pausing live lists. */
"use strict";

document.addEventListener("htmx:configRequest", (event) => {
  const token = $('meta[name="csrf-token"]');
  if (token && event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = token.content;
});

// signed out meanwhile: reloading leads to the sign-in page
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) location.reload();
});

// a live list does not refresh while rows are selected or a menu is open
document.addEventListener("htmx:beforeRequest", (event) => {
  const list = event.target;
  if (list.matches("[data-live]") && $("input:checked, details[open]", list)) {
    event.preventDefault();
  }
});
