// One selfie's row, big: the selfie and every version, as large as the window allows.

import { facts, square, stack } from "./cell.js";
import { h, named, picture } from "./dom.js";
import { described } from "./model.js";

const GAP = 12;
const WORDS = 74;

/** The row of the selfie that is looked at. */
export function row(grid) {
  const { model, view } = grid;
  const selfie = model.selfie(view.selfie);
  const figures = model.columns.map((variant) => candidate(grid, variant, selfie));
  const face = h(
    "figure",
    { class: "face" },
    h("div", { class: "square" }, picture(selfie.small, `${selfie.name} ${selfie.tags}`.trim(), { lazy: false })),
    h("figcaption", {}, h("strong", {}, "Selfie"), h("span", {}, selfie.tags || selfie.name)),
  );
  return h("div", { class: "row-level", role: "listbox", "aria-label": `Versions on ${selfie.name}` }, face, figures);
}

function candidate(grid, variant, selfie) {
  const { model } = grid;
  const samples = model.samples(variant.id, selfie.id);
  const top = model.top(variant.id, selfie.id);
  const base = variant.id === model.baseline;
  return h(
    "figure",
    {
      class: `candidate ${top?.gate ?? "coming"}`,
      role: "option",
      tabindex: "-1",
      "data-variant": variant.id,
      "aria-label": top ? described(variant, selfie, top, samples.length) : `${variant.label}: missing`,
      onclick: () => grid.open(variant.id, selfie.id),
    },
    square(variant, selfie, top, samples.length, { lazy: false }),
    h(
      "figcaption",
      {},
      h("strong", { title: variant.label }, named(variant.label)),
      h("span", {}, base ? "baseline" : model.compared ? variant.summary : ""),
      top?.generation ? linked(grid, top) : null,
    ),
    facts(top),
    samples.length > 1 ? stack(samples, top, (by) => grid.turn(variant.id, selfie.id, by)) : null,
  );
}

/** The way to a picture's generation; with a middle click in a tab of its own. */
export function linked(grid, sample) {
  const address = new URL("/generations", window.location.origin);
  address.searchParams.set("id", sample.generation);
  const persona = new URLSearchParams(window.location.search).get("persona");
  if (persona) address.searchParams.set("persona", persona);
  return h(
    "a",
    {
      href: address.href,
      title: "Open this generation (G)",
      onclick: (event) => {
        event.stopPropagation();
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        grid.go("generations", sample.generation);
      },
    },
    `No. ${sample.generation}`,
  );
}

/** The side of the squares with which all of them fit; found by trying every number of columns. */
export function fitRow(element, wide, high) {
  const many = element.children.length;
  let best = 0;
  let across = 1;
  for (let columns = 1; columns <= many; columns += 1) {
    const lines = Math.ceil(many / columns);
    const side = Math.min((wide - GAP * (columns - 1)) / columns, (high - GAP * (lines - 1)) / lines - WORDS);
    if (side > best) [best, across] = [side, columns];
  }
  element.style.setProperty("--square", `${Math.floor(Math.max(best, 120))}px`);
  element.style.setProperty("--across", across);
}
