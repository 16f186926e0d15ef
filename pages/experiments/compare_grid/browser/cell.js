// One cell: a whole picture on grey, or why there is none in the same place; samples; one line of facts.

import { button, h, picture } from "./dom.js";
import { described } from "./model.js";

/** The square: a picture, or a sentence. */
export function square(variant, selfie, sample, count, { lazy = true } = {}) {
  if (!sample) return h("div", { class: "square none" }, h("p", {}, "Missing"));
  if (sample.small) {
    const { width, height } = sample;
    return h("div", { class: "square" }, picture(sample.small, described(variant, selfie, sample, count), { width, height, lazy }));
  }
  const kind = sample.state === "failed" ? "failed" : "none";
  return h(
    "div",
    { class: `square ${kind}`, title: sample.sentence || null },
    h("strong", {}, sample.title),
    sample.sentence ? h("p", {}, sample.sentence) : null,
  );
}

/** Price, seconds, checks in a word and a colour. */
export function facts(sample) {
  if (!sample) return h("div", { class: "facts" });
  return h(
    "div",
    { class: "facts" },
    h("span", { title: sample.facts }, sample.facts),
    sample.check ? h("span", { class: `check ${sample.gate}`, title: `Checks: ${sample.check}` }, sample.check) : null,
  );
}

/** How many samples lie here, which is on top, and a step to each side. */
export function stack(samples, top, turn) {
  if (samples.length < 2) return h("div", { class: "stack" });
  const step = (by) => (event) => {
    event.stopPropagation();
    turn(by);
  };
  const dots = samples.map((each) =>
    h("i", { class: `dot ${each.gate}${each === top ? " on" : ""}`, title: `Sample ${each.repeat}: ${each.check || each.title}` }),
  );
  return h(
    "div",
    { class: "stack" },
    button("‹", "Sample before (,)", step(-1), { tabindex: "-1", "aria-label": "Sample before" }),
    h("span", { class: "dots" }, dots),
    h("span", { class: "number" }, `${samples.indexOf(top) + 1}/${samples.length}`),
    button("›", "Next sample (.)", step(1), { tabindex: "-1", "aria-label": "Next sample" }),
  );
}

/** A cell of the sheet around its square; `grid` is asked for what is on top and told of clicks. */
export function cell(grid, variant, selfie, inner) {
  const { model } = grid;
  const samples = model.samples(variant.id, selfie.id);
  const top = model.top(variant.id, selfie.id);
  return h(
    "div",
    {
      class: `cell ${top?.gate ?? "coming"}`,
      role: "gridcell",
      tabindex: "-1",
      "data-variant": variant.id,
      "data-selfie": selfie.id,
      "aria-label": top ? described(variant, selfie, top, samples.length) : `${variant.label} on ${selfie.name}: missing`,
      onclick: () => grid.open(variant.id, selfie.id),
    },
    inner,
    model.stacked ? stack(samples, top, (by) => grid.turn(variant.id, selfie.id, by)) : null,
    facts(top),
  );
}
