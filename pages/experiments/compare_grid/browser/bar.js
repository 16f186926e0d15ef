// The bar above the sheet: orders, axes, what is hidden, and the way to the keys.

import { button, h } from "./dom.js";

export function bar(grid) {
  const { model, view, data } = grid;
  const several = data.variants.length > 1;
  return h(
    "div",
    { class: "bar", role: "toolbar", "aria-label": "Order and axes" },
    choice("Rows", view.sort, { set: "as in the set", disagreement: "most disagreement first", gate: "worst checks first" }, (sort) =>
      grid.change({ sort }),
    ),
    several
      ? choice("Columns", view.columns, { set: "as chosen", gate: "best checks first" }, (columns) => grid.change({ columns }))
      : null,
    toggle("Swap axes", "Versions as rows, selfies as columns (S)", view.swap, () => grid.change({ swap: !view.swap })),
    model.stacked
      ? toggle("Worst on top", "Of several samples the worst one lies on top", view.worst, () => grid.worst())
      : null,
    model.hidden.map((each) =>
      button([h("span", {}, each.label), " ↺"], `Bring ${each.label} back`, () => grid.bring(each.id), { class: "hidden-one", "aria-label": `Bring ${each.label} back` }),
    ),
    h("span", { class: "space" }),
    h("span", { class: "hint" }, "Arrows move · Enter goes in · Esc out"),
    data.rate ? button("Rate", "Rate the images of this experiment one by one, without their names", () => grid.go("votes", data.experiment)) : null,
    button("Keys ?", "All keys (?)", () => grid.help()),
  );
}

function choice(label, value, options, changed) {
  const entries = Object.entries(options).map(([name, words]) => h("option", { value: name, selected: name === value }, words));
  return h("label", {}, label, h("select", { onchange: (event) => changed(event.target.value) }, entries));
}

function toggle(words, tip, on, act) {
  return button(words, tip, act, { "aria-pressed": String(on) });
}
