/* Search in long selects: a combobox in front of the select, which keeps and submits the value. */
"use strict";

{
  const fold = (text) =>
    text.normalize("NFD").replace(/\p{M}/gu, "").replaceAll("ł", "l").toLowerCase();
  const create = (tag, className, attributes) => {
    const element = document.createElement(tag);
    element.className = className;
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    return element;
  };

  const enhance = (select) => {
    const id = `${select.id}-search`;
    const input = create("input", `${select.className} combo-input`, {
      id,
      type: "text",
      role: "combobox",
      autocomplete: "off",
      spellcheck: "false",
      "aria-expanded": "false",
      "aria-controls": `${id}-list`,
      "aria-autocomplete": "list",
    });
    const list = create("ul", "combo-list", { id: `${id}-list`, role: "listbox" });
    const label = $(`label[for="${CSS.escape(select.id)}"]`);
    ["aria-describedby", "aria-invalid", "required"].forEach((name) => {
      if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name));
    });
    if (label) {
      label.htmlFor = id;
      list.setAttribute("aria-label", label.textContent.trim());
    }
    const items = [...select.options].map((option, index) => {
      const item = create("li", "combo-item", { id: `${id}-${index}`, role: "option" });
      item.textContent = option.text;
      item.option = option;
      return item;
    });
    let active = null;

    const show = () => {
      input.value = select.selectedOptions[0]?.text ?? "";
    };
    const activate = (item) => {
      active?.removeAttribute("aria-selected");
      active = item ?? null;
      active?.setAttribute("aria-selected", "true");
      active?.scrollIntoView({ block: "nearest" });
      if (active) input.setAttribute("aria-activedescendant", active.id);
      else input.removeAttribute("aria-activedescendant");
    };
    const close = () => {
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      activate(null);
    };
    const open = (text) => {
      const words = fold(text).split(/\s+/).filter(Boolean);
      const matches = items.filter((item) => {
        const option = fold(`${item.option.text} ${item.option.value}`);
        return words.every((word) => option.includes(word));
      });
      list.replaceChildren(...matches);
      list.hidden = !matches.length;
      input.setAttribute("aria-expanded", String(!list.hidden));
      activate(text ? matches[0] : matches.find((item) => item.option.selected));
    };
    const choose = (item) => {
      item.option.selected = true;
      select.dispatchEvent(new Event("change", { bubbles: true }));
      show();
      close();
    };

    input.addEventListener("focus", () => input.select());
    input.addEventListener("click", () => open(""));
    input.addEventListener("input", () => open(input.value));
    input.addEventListener("blur", () => {
      show();
      close();
    });
    input.addEventListener("keydown", (event) => {
      const shown = list.hidden ? [] : [...list.children];
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) return open("");
        const step = event.key === "ArrowDown" ? 1 : -1;
        activate(shown[(shown.indexOf(active) + step + shown.length) % shown.length]);
      } else if (event.key === "Enter" && active) {
        event.preventDefault();
        choose(active);
      } else if (event.key === "Escape" && !list.hidden) {
        event.preventDefault();
        event.stopPropagation();
        show();
        close();
      }
    });
    // before the input loses the focus
    list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const item = event.target.closest(".combo-item");
      if (item) choose(item);
    });

    const box = create("div", "combo", {});
    select.before(box);
    box.append(input, list, select);
    select.hidden = true;
    show();
    close();
  };

  onContent((within) => $$("select[data-search]", within).forEach(enhance));
}
