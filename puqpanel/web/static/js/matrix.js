/* The matrix of permissions: presets and groups without a reload; every action includes viewing. */
"use strict";

{
  const ticks = (within) => $$("input[name=permissions]", within);
  const noun = (tick) => tick.value.replace(/\.[^.]*$/, "");
  const isView = (tick) => tick.value.endsWith(".view");

  const followView = (matrix, changed) => {
    ticks(matrix).forEach((tick) => {
      if (tick === changed || !tick.value.includes(".") || noun(tick) !== noun(changed)) return;
      if (isView(changed) && !changed.checked) tick.checked = false;
      if (isView(tick) && changed.checked) tick.checked = true;
    });
  };

  const markPreset = (form) => {
    const chosen = ticks(form).filter((tick) => tick.checked).map((tick) => tick.value);
    $$("[data-preset]", form).forEach((link) => {
      const keys = JSON.parse(link.dataset.preset);
      const same = keys.length === chosen.length && keys.every((key) => chosen.includes(key));
      if (same) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
  };

  const prepare = (matrix) => {
    const form = matrix.closest("form");
    form.addEventListener("change", (event) => {
      if (event.target.name !== "permissions") return;
      followView(matrix, event.target);
      markPreset(form);
    });
    matrix.addEventListener("click", (event) => {
      const button = event.target.closest("[data-group-toggle]");
      if (!button) return;
      const group = ticks(button.closest("tbody"));
      const wanted = !group.every((tick) => tick.checked);
      group.forEach((tick) => {
        tick.checked = wanted;
      });
      markPreset(form);
    });
    $$("[data-preset]", form).forEach((link) => {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        const keys = JSON.parse(link.dataset.preset);
        ticks(form).forEach((tick) => {
          tick.checked = keys.includes(tick.value);
        });
        markPreset(form);
      });
    });
  };

  onContent((within) => $$("[data-matrix]", within).forEach(prepare));
}
