/* What a page gains from a script. Everything here works without it too, only slower. No inline handlers, no eval: the policy forbids both. */
"use strict";

const root = document.documentElement;
const $ = (selector, within = document) => within.querySelector(selector);
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const keep = (name, value) => {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=31536000; samesite=lax${secure}`;
};

/* The viewer's zone: pages are made on the server, so the first one is in UTC and all later ones are not. */
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.includes(`zone=${encodeURIComponent(zone)}`)) keep("zone", zone);

/* Light or dark */
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-flip]")) return;
  const theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
  root.dataset.bsTheme = theme;
  keep("theme", theme);
});

/* The side drawer: opened by :target without script; with it, Esc closes and the focus goes back to where it was. */
const side = $("#side");
let opener = null;
function drawer(open) {
  side.classList.toggle("open", open);
  root.classList.toggle("drawer", open);
  if (open) $("a", side)?.focus();
  else if (opener) {
    opener.focus();
    opener = null;
  }
}
if (side) {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-side]");
    if (link) {
      event.preventDefault();
      const open = !side.classList.contains("open");
      if (open) opener = link;
      drawer(open);
    } else if (side.classList.contains("open") && !side.contains(event.target)) drawer(false);
  });
}

/* Keys: Ctrl-K to the search, Esc out of the drawer. */
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    const search = $("#search") || $('.bar input[type="search"]');
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  }
  if (event.key === "Escape" && side?.classList.contains("open")) drawer(false);
});

/* Menus: one open at a time; a click elsewhere or Esc closes, and the focus goes back. */
document.addEventListener("click", (event) => {
  $$("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  $$("details.menu[open]").forEach((menu) => {
    menu.open = false;
    $("summary", menu).focus();
  });
});

/* Lists: tick all, the bulk bar with its count. */
function count(form) {
  const boxes = $$('tbody input[type="checkbox"][name]', form);
  const ticked = boxes.filter((box) => box.checked).length;
  const all = $("[data-all]", form);
  if (all) {
    all.checked = ticked > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  }
  const bar = $(".bulk", form);
  if (!bar) return;
  bar.hidden = ticked === 0;
  const number = $("[data-n]", bar);
  if (number) number.textContent = ticked;
}
document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-bulk]");
  if (!form || event.target.type !== "checkbox") return;
  if (event.target.matches("[data-all]"))
    $$('tbody input[type="checkbox"][name]', form).forEach((box) => {
      box.checked = event.target.checked;
    });
  count(form);
});
document.addEventListener("click", (event) => {
  const clear = event.target.closest("[data-clear]");
  if (!clear) return;
  event.preventDefault();
  const form = clear.closest("[data-bulk]");
  $$('input[type="checkbox"]', form).forEach((box) => {
    box.checked = false;
  });
  count(form);
});

/* Messages: notices on top become toasts; what went wrong stays, the rest goes after 6 s unless somebody is reading it. */
function toast(notice) {
  let place = $(".toasts");
  if (!place) {
    place = document.createElement("div");
    place.className = "toasts";
    place.setAttribute("aria-live", "polite");
    document.body.append(place);
  }
  const message = $("#toast").content.firstElementChild.cloneNode(true);
  const bad = notice.classList.contains("note-bad");
  const tone = bad ? "bad" : notice.classList.contains("note-warn") ? "warn" : "good";
  const icon = $("i", notice).cloneNode(true);
  icon.classList.add(`t-${tone}`);
  message.prepend(icon);
  message.setAttribute("role", bad ? "alert" : "status");
  $("div", message).append(...$("div", notice).childNodes);
  notice.remove();
  place.append(message);
  const close = () => message.remove();
  $("button", message).addEventListener("click", close);
  if (bad) return;
  let timer = setTimeout(close, 6000);
  const hold = () => clearTimeout(timer);
  const go = () => {
    clearTimeout(timer);
    timer = setTimeout(close, 3000);
  };
  message.addEventListener("mouseenter", hold);
  message.addEventListener("focusin", hold);
  message.addEventListener("mouseleave", go);
  message.addEventListener("focusout", go);
}

/* A module may draw fields of its own that do not say what is wrong with them: say it there too, where only the summary does. */
function blame(line) {
  const name = CSS.escape(line.dataset.field);
  const field = $(`[name="${name}"], [name="${name}[]"]`, line.closest("form"));
  if (!field || field.hasAttribute("aria-invalid") || field.hasAttribute("aria-describedby"))
    return;
  const text = document.createElement("div");
  text.className = "invalid-feedback";
  text.id = `${line.dataset.field}-said`;
  text.textContent = [...line.childNodes]
    .slice(1)
    .map((node) => node.textContent)
    .join("")
    .replace(/^: /, "");
  field.id ||= line.dataset.field;
  $("a", line).hash = field.id;
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", text.id);
  field.classList.add("is-invalid");
  (field.closest(".input-group, .form-check, label") || field).after(text);
}

/* Things within a page or a fragment that has just arrived. */
function prepare(within) {
  $$("[data-bulk]", within).forEach(count);
  $$("[data-flash] .note", within).forEach(toast);
  $$("li[data-field]", within).forEach(blame);
  $$("[data-type-to-confirm]", within).forEach((input) => {
    const button = $("[data-confirmed]", input.form);
    const check = () => {
      button.disabled = input.value.trim() !== input.dataset.typeToConfirm;
    };
    input.addEventListener("input", check);
    check();
  });
  $$("select[data-submit]", within).forEach((select) =>
    select.addEventListener("change", () => select.form.requestSubmit()),
  );
  $$("[data-needs-script][hidden]", within).forEach((thing) => {
    thing.hidden = false;
  });
}
document.addEventListener("DOMContentLoaded", () => prepare(document));
document.addEventListener("htmx:load", (event) => {
  if (event.target !== document.body) prepare(event.target);
});

/* Passwords and copying */
document.addEventListener("click", async (event) => {
  const eye = event.target.closest("[data-eye]");
  if (eye) {
    const input = document.getElementById(eye.dataset.eye);
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    eye.setAttribute("aria-pressed", String(shown));
    $("i", eye).classList.toggle("fa-eye", !shown);
    $("i", eye).classList.toggle("fa-eye-slash", shown);
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    const from = document.getElementById(copy.dataset.copy);
    const text = from ? (from.value ?? from.textContent) : copy.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // the clipboard is closed to pages without TLS: select it, so that one key is left to press
      if (from?.select) from.select();
      return;
    }
    const icon = $("i", copy);
    const before = icon.className;
    icon.className = "fa-solid fa-check t-good";
    setTimeout(() => {
      icon.className = before;
    }, 1500);
  }
});

/* No double submit: the button keeps its width, turns, and takes no second click. Its name and value travel with the first. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method.toLowerCase() === "get" || event.defaultPrevented) return;
  if (form.dataset.busy) {
    event.preventDefault();
    return;
  }
  form.dataset.busy = "yes";
  const button = event.submitter;
  // disabled only after the browser has read the form, else the button's own value would be missing from it
  setTimeout(() => {
    $$("button:not([type=button])", form).forEach((one) => {
      one.setAttribute("aria-disabled", "true");
    });
    if (!button?.matches(".btn")) return;
    button.style.minWidth = `${button.offsetWidth}px`;
    const icon =
      $("i", button) || button.insertAdjacentElement("afterbegin", document.createElement("i"));
    icon.className = "fa-solid fa-rotate turn";
    icon.setAttribute("aria-hidden", "true");
  });
});
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  $$("form[data-busy]").forEach((form) => {
    delete form.dataset.busy;
  });
  $$("form [aria-disabled=true]").forEach((one) => one.removeAttribute("aria-disabled"));
});

/* A live fragment that is refused means that somebody signed out meanwhile: let the page itself say so. */
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) location.reload();
});

/* What htmx sends by itself, a DELETE for instance, carries the token of the page. */
document.addEventListener("htmx:configRequest", (event) => {
  const token = $('meta[name="csrf-token"]');
  if (token && event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = token.content;
});

/* A list that asks for itself again waits while something on it is ticked or a menu is open. */
document.addEventListener("htmx:beforeRequest", (event) => {
  const live = event.target;
  if (live.matches("[data-live]") && $("input:checked, details[open]", live))
    event.preventDefault();
});
