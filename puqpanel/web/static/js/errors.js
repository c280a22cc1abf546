/* Shows errors from the summary next to fields that a module rendered without error messages. */
"use strict";

{
  const addError = (item) => {
    const name = CSS.escape(item.dataset.field);
    const field = $(`[name="${name}"], [name="${name}[]"]`, item.closest("form"));
    if (!field || field.hasAttribute("aria-invalid") || field.hasAttribute("aria-describedby")) {
      return;
    }
    const message = document.createElement("div");
    message.className = "invalid-feedback";
    message.id = `${item.dataset.field}-error`;
    // the text after the link in the summary
    message.textContent = [...item.childNodes]
      .slice(1)
      .map((node) => node.textContent)
      .join("")
      .replace(/^: /, "");
    field.id ||= item.dataset.field;
    $("a", item).hash = field.id;
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", message.id);
    field.classList.add("is-invalid");
    (field.closest(".input-group, .form-check, label") || field).after(message);
  };

  onContent((within) => $$("li[data-field]", within).forEach(addError));
}
