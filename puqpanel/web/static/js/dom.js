/*
 * Helpers shared by the other scripts; loaded first.
 *
 * Every page works without scripts. The content security policy forbids inline handlers and eval.
 */
"use strict";

const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

const setCookie = (name, value) => {
  const secure = location.protocol === "https:" ? "; secure" : "";
  const attributes = `path=/; max-age=31536000; samesite=lax${secure}`;
  document.cookie = `${name}=${encodeURIComponent(value)}; ${attributes}`;
};

/* Calls a function with the page, and with every fragment that htmx loads. */
const onContent = (prepare) => {
  document.addEventListener("DOMContentLoaded", () => prepare(document));
  document.addEventListener("htmx:load", (event) => {
    if (event.target !== document.body) prepare(event.target);
  });
};

/* Shows elements that only work with scripts. */
onContent((within) => {
  $$("[data-needs-script][hidden]", within).forEach((element) => {
    element.hidden = false;
  });
});
