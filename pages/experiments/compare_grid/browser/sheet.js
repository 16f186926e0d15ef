// The contact sheet: every cell small. What did not change is kept, so that scroll, focus and pictures stay.

import { cell, square } from "./cell.js";
import { button, h, named, picture } from "./dom.js";

const LEAST = 118;
const MOST = 232;
const ENDS = 18;
const HEAD = 100;

export class Sheet {
  constructor(grid) {
    this.grid = grid;
    this.kept = new Map();
    this.layout = "";
    this.table = h("div", { class: "table", role: "grid", "aria-label": "Images by selfie and version" });
    this.element = h("div", { class: "scroll" }, this.table);
    this.watch = new ResizeObserver(() => this.measure());
    this.watch.observe(this.element);
  }

  close() {
    this.watch.disconnect();
  }

  /** Draw what is new; move what stands elsewhere now. */
  draw() {
    const { model, view } = this.grid;
    const [across, down] = view.swap ? [model.rows, model.columns] : [model.columns, model.rows];
    const rows = [this.row([this.corner(), ...across.map((each) => this.head(each, "columnheader"))], "row head")];
    for (const one of down) {
      const cells = across.map((other) => (view.swap ? this.cell(one, other) : this.cell(other, one)));
      const pinned = view.swap && one.id === model.baseline;
      rows.push(this.row([this.head(one, "rowheader"), ...cells], pinned ? "row pinned" : "row"));
    }
    const layout = JSON.stringify([view.swap, across.map((each) => each.id), down.map((each) => each.id), model.baseline]);
    const changed = layout !== this.layout;
    this.layout = layout;
    this.lay(rows, changed);
    this.table.classList.toggle("swapped", view.swap);
    this.table.classList.toggle("stacked", model.stacked);
    this.table.setAttribute("aria-rowcount", rows.length);
    this.table.setAttribute("aria-colcount", across.length + 1);
    this.across = across.length;
    this.measure();
    this.rove();
  }

  /** Rows are made anew only where their order changed; else each cell that is new takes its place. */
  lay(rows, changed) {
    const active = this.element.getRootNode().activeElement;
    const focused = active && this.element.contains(active) ? active.dataset.key : null;
    if (changed || this.table.children.length !== rows.length) {
      const { scrollTop, scrollLeft } = this.element;
      this.table.replaceChildren(...rows.map(({ classes, cells }) => h("div", { class: classes, role: "row" }, cells)));
      this.element.scrollTo(scrollLeft, scrollTop);
    } else {
      rows.forEach(({ cells }, place) => {
        const row = this.table.children[place];
        cells.forEach((each, at) => {
          if (row.children[at] !== each) row.children[at].replaceWith(each);
        });
      });
    }
    if (focused) this.table.querySelector(`[data-key="${focused}"]`)?.focus({ preventScroll: true });
  }

  row(cells, classes) {
    return { classes, cells };
  }

  corner() {
    const words = this.grid.view.swap ? "Version" : "Selfie";
    return this.keep("corner", [words], () => h("div", { class: "lead corner", role: "columnheader" }, words));
  }

  head(thing, role) {
    return thing.prompt === undefined ? this.face(thing, role) : this.version(thing, role);
  }

  face(selfie, role) {
    return this.keep(`selfie:${selfie.id}`, [selfie, role], () =>
      h(
        "div",
        { class: "face", role },
        h("div", { class: "square" }, picture(selfie.small, `${selfie.name} ${selfie.tags}`.trim())),
        h("div", { class: "name", title: selfie.tags || null }, selfie.tags || selfie.name),
      ),
    );
  }

  version(variant, role) {
    const base = variant.id === this.grid.model.baseline;
    const difference = base ? "Baseline" : this.grid.model.compared ? variant.summary : "…";
    const { label, production, price, counts, more, mean } = variant;
    return this.keep(`variant:${variant.id}`, [label, production, price, counts, more, mean, role, difference], () =>
      h(
        "div",
        { class: `version${base ? " base" : ""}`, role },
        h(
          "div",
          { class: "top" },
          button(named(label), `${label}. What it says differently`, () => this.grid.difference(variant.id), {
            class: "label",
            "aria-label": label,
          }),
          base
            ? null
            : button("×", `Hide ${label}`, () => this.grid.hide(variant.id), { class: "hide", "aria-label": `Hide ${label}` }),
        ),
        h("div", { class: "line accent", title: difference }, production ? `production${base ? " · baseline" : ` · ${difference}`}` : difference),
        h("div", { class: "line wraps", title: [price, mean].filter(Boolean).join(", ") }, mean ? `${price.split(" ")[0]}, ${mean}` : price),
        h("div", { class: "line", title: counts }, counts),
        more ? h("div", { class: "line warn", title: more }, more) : null,
      ),
    );
  }

  cell(variant, selfie) {
    const { model } = this.grid;
    const samples = model.samples(variant.id, selfie.id);
    const base = variant.id === model.baseline;
    const top = model.top(variant.id, selfie.id);
    const told = [samples, top?.repeat, variant.label, model.stacked, base];
    return this.keep(`cell:${variant.id}:${selfie.id}`, told, () => {
      // Other words about the same picture do not make it blink.
      const shown = [top?.small, top?.title, top?.sentence, variant.label];
      const inner = this.keep(`square:${variant.id}:${selfie.id}`, shown, () => square(variant, selfie, top, samples.length));
      const made = cell(this.grid, variant, selfie, inner);
      made.classList.toggle("base", base);
      return made;
    });
  }

  /** The element of before, if it would say the same. */
  keep(key, told, make) {
    const words = JSON.stringify(told);
    const kept = this.kept.get(key);
    if (kept?.words === words) return kept.element;
    const element = make();
    element.dataset.key = key;
    this.kept.set(key, { words, element });
    return element;
  }

  /** Squares as large as all columns side by side allow, within reason. */
  measure() {
    if (!this.across) return;
    const swapped = this.grid.view.swap;
    const wide = this.element.clientWidth;
    const lead = swapped ? 150 : wide < 900 ? 84 : 112;
    const room = (wide - lead - ENDS) / this.across - 8;
    // Three rows fit the window together. The head itself is not measured for it: its lines depend on the width.
    const high = Math.max((window.innerHeight - 110 - HEAD) / 3 - 50, 150);
    this.table.style.setProperty("--lead", `${lead}px`);
    this.table.style.setProperty("--square", `${Math.floor(Math.min(Math.max(room, LEAST), MOST, high))}px`);
    this.table.style.setProperty("--head", `${this.table.firstElementChild.offsetHeight}px`);
  }

  find(variant, selfie) {
    return this.table.querySelector(`.cell[data-variant="${variant}"][data-selfie="${selfie}"]`);
  }

  /** One cell takes part in tabbing: the one that was looked at last. */
  rove() {
    const { view } = this.grid;
    const chosen = this.find(view.variant, view.selfie) ?? this.table.querySelector(".cell");
    for (const each of this.table.querySelectorAll('.cell[tabindex="0"]')) if (each !== chosen) each.tabIndex = -1;
    if (chosen) chosen.tabIndex = 0;
    return chosen;
  }

  /** Put the focus on the cell that is looked at, and bring it into view; the styles keep it clear of what is pinned. */
  focus() {
    const chosen = this.rove();
    if (!chosen) return;
    chosen.focus({ preventScroll: true });
    chosen.scrollIntoView({ block: "nearest", inline: "nearest" });
    // Its event comes with the next frame, and the grid may be taken away before that.
    this.grid.scrolled();
  }
}
