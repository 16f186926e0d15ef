// What a version says differently from the baseline: words of the text, and parameters. Equal ones are hidden.

import { button, h } from "./dom.js";

const TAGS = { removed: "del", added: "ins" };

/** Parameters and words; for the baseline itself its own text. */
export function difference(model, variant) {
  if (variant.id === model.baseline) {
    return [table(variant.parameters), h("p", { class: "text" }, variant.prompt)];
  }
  if (!model.compared) return [h("p", { class: "quiet" }, "Comparing with the new baseline …")];
  const words = variant.pieces.some(([side]) => side !== "both");
  return [
    table(variant.changes.map(([name, before, after]) => [name, h("del", {}, before), " → ", h("ins", {}, after)])),
    words
      ? h("p", { class: "text" }, variant.pieces.map(([side, text]) => (TAGS[side] ? h(TAGS[side], {}, text) : text)))
      : h("p", { class: "quiet" }, variant.changes.length ? "The text is the same." : "Text and parameters are the same."),
  ];
}

/** The same in a panel of its own, with what can be done about the version. */
export function differencePanel(grid, variant) {
  const { model } = grid;
  const base = variant.id === model.baseline;
  const baseline = model.variantsById.get(model.baseline);
  const act = (change) => () => {
    grid.panel.hidePopover();
    change();
  };
  return [
    h("h3", {}, base ? variant.label : `${baseline.label} → ${variant.label}`),
    h("p", { class: "quiet" }, base ? "The baseline: the others are compared with it." : model.compared ? variant.summary : ""),
    difference(model, variant),
    base
      ? null
      : h(
          "div",
          { class: "acts" },
          button("Make it the baseline", "Compare the others with this version", act(() => grid.choose(variant.id))),
          button("Hide this column", "It can be brought back", act(() => grid.hide(variant.id))),
        ),
  ];
}

function table(rows) {
  if (!rows.length) return null;
  return h("table", {}, rows.map(([name, ...value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value))));
}
