// Two pictures side by side: the baseline stays left, the right one is stepped. Whole pictures are loaded here only.

import { facts, stack } from "./cell.js";
import { difference } from "./difference.js";
import { h, named, picture } from "./dom.js";
import { described } from "./model.js";
import { measuredWords, overlay } from "./overlay.js";
import { linked } from "./row.js";

/** The pair that is looked at; places whose picture stays are kept, so that it does not blink. */
export class Pair {
  constructor(grid) {
    this.grid = grid;
    this.kept = {};
  }

  draw() {
    const { model, view, zoom } = this.grid;
    const selfie = model.selfie(view.selfie);
    const [a, b] = [model.variantsById.get(model.baseline), model.right(view.variant)];
    if (!b) return h("p", { class: "quiet" }, "There is no second version to compare with. Bring one back, or go out (Esc).");
    const [left, right] = [this.sample(a, selfie), this.sample(b, selfie)];
    const places = [
      this.place("a", [left, right], `${a.label}, baseline`),
      this.place("b", [right], b.label),
    ];
    const element = h(
      "div",
      { class: "pair-level" },
      this.side("A", a, left, places[0], selfie),
      this.between(model, b, selfie, [left, right]),
      this.side("B", b, right, places[1], selfie),
    );
    // What is new gets the zoom that is on.
    for (const layer of element.querySelectorAll(".layer")) layer.style.transform = zoom.transform;
    return element;
  }

  sample(variant, selfie) {
    const { model } = this.grid;
    const sample = model.top(variant.id, selfie.id);
    return { variant, selfie, sample, count: model.samples(variant.id, selfie.id).length };
  }

  side(letter, variant, { sample }, place, selfie) {
    const { model } = this.grid;
    const samples = model.samples(variant.id, selfie.id);
    const role = letter === "A" ? "baseline" : model.compared ? variant.summary : "";
    return h(
      "section",
      { class: `side ${letter.toLowerCase()}`, "aria-label": `${letter}: ${variant.label}` },
      h("div", { class: "title" }, h("b", {}, letter), h("strong", { title: variant.label }, named(variant.label)), h("span", {}, role)),
      place,
      h("div", { class: "under" }, facts(sample), sample?.generation ? linked(this.grid, sample) : null),
      samples.length > 1 ? stack(samples, sample, (by) => this.grid.turn(variant.id, selfie.id, by)) : null,
      h("div", { class: "measured" }, measuredWords(sample?.measured)),
    );
  }

  /** Layers of one place: what is shown, and what is shown there while the key of the flicker is held. */
  place(name, shown, label) {
    const key = JSON.stringify([label, shown.map(({ sample, variant, selfie }) => [variant.id, selfie.id, sample])]);
    if (this.kept[name]?.key === key) return this.kept[name].element;
    const layers = shown.map((each, at) => layer(each, at ? "ghost" : "shown"));
    const chip = shown[1] ? h("span", { class: "chip", "aria-hidden": "true" }, `B: ${shown[1].variant.label}`) : null;
    const element = h("div", { class: "place" }, layers, chip);
    this.grid.zoom.attach(element);
    this.kept[name] = { key, element };
    return element;
  }

  between(model, variant, selfie, shown) {
    const missing = shown.some(({ sample }) => !sample?.small);
    return h(
      "section",
      { class: "between", "aria-label": "Selfie and difference" },
      h("div", { class: "square face" }, picture(selfie.whole, `${selfie.name} ${selfie.tags}`.trim(), { lazy: false })),
      h("p", { class: "quiet" }, selfie.tags || selfie.name),
      missing ? h("p", { class: "quiet" }, "Not both have a picture here.") : null,
      h("h4", {}, model.compared ? `A → B: ${variant.summary}` : "A → B"),
      h("div", { class: "words", tabindex: "0", role: "region", "aria-label": "Difference of the prompts" }, difference(model, variant)),
    );
  }
}

function layer({ variant, selfie, sample, count }, kind) {
  if (!sample?.small) {
    return h(
      "div",
      { class: `layer ${kind} empty` },
      h("strong", {}, sample?.title ?? "Missing"),
      sample?.sentence ? h("p", {}, sample.sentence) : null,
    );
  }
  const { width, height } = sample;
  const frame = h("div", { class: height > width ? "frame tall" : "frame" });
  frame.style.aspectRatio = `${width} / ${height}`;
  // The small one stands in until the whole one has come.
  frame.style.backgroundImage = `url("${sample.small}")`;
  const image = picture(sample.whole, kind === "ghost" ? "" : described(variant, selfie, sample, count), { width, height, lazy: false });
  frame.append(image, ...[overlay(sample.measured)].filter(Boolean));
  return h("div", { class: `layer ${kind}`, "aria-hidden": kind === "ghost" ? "true" : null }, frame);
}

/** Both places as large as the window allows, side by side. */
export function fitPair(element, wide, high) {
  const between = Math.min(Math.max(wide * 0.16, 190), 300);
  const side = Math.min((wide - between - 32) / 2, high - 118);
  element.style.setProperty("--side", `${Math.floor(Math.max(side, 200))}px`);
  element.style.setProperty("--between", `${Math.floor(Math.max(between, wide - 2 * side - 32))}px`);
}
