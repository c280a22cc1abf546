/* Lists: select all rows, and a bulk bar that shows how many are selected. */
"use strict";

{
  const rowBoxes = (form) => $$('tbody input[type="checkbox"][name]', form);

  const update = (form) => {
    const boxes = rowBoxes(form);
    const selected = boxes.filter((box) => box.checked).length;
    const all = $("[data-all]", form);
    if (all) {
      all.checked = selected > 0 && selected === boxes.length;
      all.indeterminate = selected > 0 && selected < boxes.length;
    }
    const bar = $(".bulk", form);
    if (!bar) return;
    bar.hidden = selected === 0;
    const count = $("[data-n]", bar);
    if (count) count.textContent = selected;
  };

  const setAll = (form, checked) => {
    rowBoxes(form).forEach((box) => {
      box.checked = checked;
    });
    update(form);
  };

  onContent((within) => $$("[data-bulk]", within).forEach(update));
  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-bulk]");
    if (!form || event.target.type !== "checkbox") return;
    if (event.target.matches("[data-all]")) setAll(form, event.target.checked);
    else update(form);
  });
  document.addEventListener("click", (event) => {
    const clear = event.target.closest("[data-clear]");
    if (!clear) return;
    event.preventDefault();
    setAll(clear.closest("[data-bulk]"), false);
  });
}
