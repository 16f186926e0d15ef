// The grid as a whole: one state, drawn at three levels, moved by keys and clicks.

import { addressWriter, link, readAddress } from "./address.js";
import { bar } from "./bar.js";
import { differencePanel } from "./difference.js";
import { button, h, whenStyled } from "./dom.js";
import { asked, HELP, taken } from "./keys.js";
import { Model } from "./model.js";
import { fitPair, Pair } from "./pair.js";
import { fitRow, row } from "./row.js";
import { Sheet } from "./sheet.js";
import { Zoom } from "./zoom.js";

export class Grid {
  /** `left` is what a grid of the same experiment left behind, if Streamlit took it away for a moment only. */
  constructor(element, left = null) {
    this.element = element;
    this.root = element.getRootNode();
    this.page = window.location.pathname;
    this.view = left?.view ?? readAddress();
    this.tops = left?.tops ?? new Map();
    this.address = addressWriter();
    this.zoom = new Zoom((zoom) => this.zoomed(zoom));
    this.pair = new Pair(this);
    this.sheet = new Sheet(this);
    this.barPlace = h("div");
    this.stage = h("div", { class: "stage", popover: "manual", tabindex: "-1", role: "dialog" });
    this.panel = h("div", { class: "panel", popover: "auto", role: "dialog", "aria-label": "More" });
    this.panel.addEventListener("toggle", (event) => event.newState === "closed" && this.refocus());
    this.told = h("div", { class: "told", "aria-live": "polite" });
    element.replaceChildren(this.barPlace, this.sheet.element, this.stage, this.panel, this.told);
    this.listeners = new AbortController();
    const options = { signal: this.listeners.signal };
    document.addEventListener("keydown", (event) => this.keydown(event), { ...options, capture: true });
    document.addEventListener("keyup", (event) => this.keyup(event), { ...options, capture: true });
    window.addEventListener("blur", () => this.flicker(false), options);
    window.addEventListener("resize", () => this.fit(), options);
    this.sheet.element.addEventListener("focusin", (event) => this.focused(event));
    // Remembered as they change: once the element is gone from the page, they can no longer be asked for.
    this.scroll = left?.scroll ?? [0, 0];
    this.hadFocus = false;
    this.sheet.element.addEventListener("scroll", () => this.scrolled());
    document.addEventListener(
      "focusin",
      (event) => {
        this.hadFocus = event.composedPath().includes(element);
      },
      options,
    );
    this.left = left;
    this.fresh = true;
    this.begun = false;
  }

  /** Note where one is, as long as there is a place to ask for it. */
  scrolled() {
    if (this.element.isConnected && this.begun) this.scroll = [this.sheet.element.scrollLeft, this.sheet.element.scrollTop];
  }

  /** Stop, and say what the next grid of this experiment goes on with. */
  close() {
    this.listeners.abort();
    this.sheet.close();
    this.address.stop();
    if (this.left && !this.begun) return { ...this.left, view: this.view, tops: this.tops };
    const { scale, x, y } = this.zoom;
    const measures = this.stage.classList.contains("measures");
    return { view: this.view, tops: this.tops, scroll: this.scroll, zoom: { scale, x, y }, measures, focus: this.hadFocus };
  }

  /** New data, or new ways back to the server. */
  update({ data, setTriggerValue }) {
    this.data = data;
    this.tell = setTriggerValue;
    if (this.fresh && this.left) this.stage.classList.toggle("measures", this.left.measures);
    this.draw();
    if (this.fresh) whenStyled(this.element, () => this.begin(), this.listeners.signal);
    this.fresh = false;
  }

  /** Where one left off; or the cell that the address names. Neither is possible before the styles have come. */
  begin() {
    const { left, view } = this;
    this.begun = true;
    this.sheet.measure();
    if (left) {
      Object.assign(this.zoom, left.zoom);
      this.zoom.keep();
      this.sheet.element.scrollTo(...left.scroll);
      if (left.focus && view.level === "sheet") this.sheet.rove()?.focus({ preventScroll: true });
      this.address.write({ ...view, left: this.model.baseline });
    } else if (view.level === "sheet" && this.sheet.find(view.variant, view.selfie)) this.sheet.focus();
  }

  /** Look at something else. */
  change(changes) {
    this.view = { ...this.view, ...changes };
    this.draw();
    this.address.write({ ...this.view, left: this.model.baseline });
  }

  draw() {
    this.model = new Model(this.data, this.view, this.tops);
    this.settle();
    this.drawBar();
    this.sheet.draw();
    this.drawStage();
  }

  /** What is asked for may be gone, or hidden. */
  settle() {
    const { model, view } = this;
    if (view.level === "sheet") return;
    view.selfie = model.selfie(view.selfie)?.id ?? null;
    const shown = model.columns.some((each) => each.id === view.variant);
    if (view.level === "pair") view.variant = model.right(view.variant)?.id ?? view.variant;
    else if (!shown) view.variant = model.baseline;
    if (view.selfie === null || (view.level === "pair" && model.columns.length < 2)) view.level = "sheet";
  }

  /** The bar is made anew only where it says something new, so that an open list stays open. */
  drawBar() {
    const { sort, columns, swap, worst } = this.view;
    const words = JSON.stringify([sort, columns, swap, worst, this.model.stacked, this.model.hidden.map((each) => each.label), this.data.rate]);
    if (words === this.barWords) return;
    this.barWords = words;
    this.barPlace.replaceChildren(bar(this));
  }

  drawStage() {
    const { level, selfie, variant } = this.view;
    if (level === "sheet") {
      this.stageWords = null;
      if (this.stage.matches(":popover-open")) {
        this.stage.hidePopover();
        this.stage.replaceChildren();
      }
      return;
    }
    const { model, data } = this;
    const cells = model.columns.map((each) => [each, data.cells[`${each.id}:${selfie}`], model.top(each.id, selfie)?.repeat]);
    const words = JSON.stringify([level, selfie, level === "pair" ? variant : null, model.baseline, model.compared, model.rows.length, cells]);
    if (words !== this.stageWords) {
      this.stageWords = words;
      this.content = level === "row" ? row(this) : this.pair.draw();
      this.stage.replaceChildren(this.stageHead(), h("div", { class: "content" }, this.content));
    }
    this.stage.setAttribute("aria-label", level === "row" ? "One selfie's row" : "Pair");
    if (!this.stage.matches(":popover-open")) this.stage.showPopover();
    this.fit();
    this.mark();
  }

  stageHead() {
    const { model, view } = this;
    const place = model.rows.findIndex((each) => each.id === view.selfie) + 1;
    const selfie = model.selfie(view.selfie);
    const pair = view.level === "pair";
    const hint = pair
      ? "← → step B · ↑ ↓ selfies · wheel, drag, + − 0 zoom both · hold Space: B in A's place · O checks · ? keys"
      : "← → versions · ↑ ↓ selfies · Enter: pair with the baseline · Esc: all images · ? keys";
    return h(
      "header",
      {},
      button("←", pair ? "Back to the row (Esc)" : "Back to all images (Esc)", () => this.out(), { class: "back", "aria-label": "Back" }),
      h("strong", {}, `${selfie.tags || selfie.name}`),
      h("span", { class: "quiet" }, `row ${place} of ${model.rows.length}`),
      h("span", { class: "hint" }, hint),
      pair ? button("Checks", "What the checks measured (O)", () => this.overlay(), { class: "checks", "aria-pressed": String(this.stage.classList.contains("measures")) }) : null,
      button("Copy link", "The address of this view", (event) => this.copy(event.currentTarget)),
      button("Keys ?", "All keys (?)", () => this.help()),
    );
  }

  /** Sizes follow the window. */
  fit() {
    const place = this.stage.querySelector(".content");
    if (!place || !this.stage.matches(":popover-open")) return;
    const { clientWidth: wide, clientHeight: high } = place;
    if (this.view.level === "row") fitRow(this.content, wide - 24, high - 20);
    else if (this.content.classList.contains("pair-level")) fitPair(this.content, wide - 24, high - 20);
  }

  /** The one of the row that is looked at has the focus; in a pair the stage itself. */
  mark() {
    if (this.panel.matches(":popover-open")) return;
    const active = this.root.activeElement;
    if (active && this.stage.contains(active) && active.closest("header, .words")) return;
    for (const each of this.stage.querySelectorAll(".candidate")) {
      const on = Number(each.dataset.variant) === this.view.variant;
      each.setAttribute("aria-selected", String(on));
      each.tabIndex = on ? 0 : -1;
      if (on && active !== each) each.focus({ preventScroll: false });
    }
    if (this.view.level === "pair" && active !== this.stage) this.stage.focus({ preventScroll: true });
  }

  refocus() {
    if (this.view.level === "sheet") this.sheet.rove()?.focus({ preventScroll: true });
    else this.mark();
  }

  focused(event) {
    const found = event.target.closest?.(".cell");
    if (!found) return;
    const [variant, selfie] = [Number(found.dataset.variant), Number(found.dataset.selfie)];
    if (variant === this.view.variant && selfie === this.view.selfie) return;
    this.view = { ...this.view, variant, selfie, sample: null };
    this.model.view = this.view;
    this.sheet.rove();
    this.address.write({ ...this.view, left: this.model.baseline });
  }

  // What keys and clicks do.

  keydown(event) {
    if (this.panel.matches(":popover-open")) {
      // The browser closes the panel; nothing below it moves meanwhile.
      if (event.key !== "Tab") event.stopPropagation();
      return;
    }
    const { level } = this.view;
    if (taken(event, this.element, level)) return;
    const wish = asked(event, level);
    if (!wish || (level === "sheet" && wish[0] === "out")) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.repeat && ["in", "out", "flicker", "overlay", "hide", "swap", "help"].includes(wish[0])) return;
    this.act(...wish);
  }

  keyup(event) {
    if (event.key === " " || event.key.toLowerCase() === "f") this.flicker(false);
  }

  act(name, ...details) {
    const { variant, selfie } = this.view;
    const acts = {
      move: () => this.move(...details),
      in: () => this.open(variant, selfie),
      out: () => this.out(),
      before: () => this.turn(variant, selfie, -1),
      next: () => this.turn(variant, selfie, 1),
      larger: () => this.zoom.in(),
      smaller: () => this.zoom.out(),
      whole: () => this.zoom.reset(),
      flicker: () => this.flicker(true),
      overlay: () => this.overlay(),
      difference: () => this.difference(variant ?? this.model.columns[0].id),
      generation: () => this.generation(),
      hide: () => this.hide(variant),
      swap: () => this.change({ swap: !this.view.swap }),
      help: () => this.help(),
    };
    acts[name]();
  }

  /** One level in, on this cell. */
  open(variant, selfie) {
    const { level } = this.view;
    if (level === "pair") return;
    const sample = variant === this.view.variant && selfie === this.view.selfie ? this.view.sample : null;
    const chosen = { variant: variant ?? this.model.baseline, selfie: this.model.selfie(selfie).id, sample };
    if (level === "sheet") this.change({ ...chosen, level: "row" });
    else if (this.model.columns.length > 1) {
      this.zoom.reset();
      this.change({ ...chosen, level: "pair" });
    }
  }

  /** One level out. */
  out() {
    this.flicker(false);
    if (this.view.level === "pair") this.change({ level: "row" });
    else {
      this.change({ level: "sheet" });
      this.sheet.focus();
    }
  }

  move(right, down) {
    const { model, view } = this;
    const { level, swap } = view;
    const [across, along] = level === "sheet" && swap ? [down, right] : [right, down];
    const columns = level === "pair" ? model.columns.slice(1) : model.columns;
    const variant = view.variant === null ? columns[0] : Model.beside(columns, view.variant, across);
    const selfie = view.selfie === null ? model.rows[0] : Model.beside(model.rows, view.selfie, along);
    if (level === "pair" && selfie.id !== view.selfie) this.zoom.reset();
    const same = variant.id === view.variant && selfie.id === view.selfie;
    this.change({ variant: variant.id, selfie: selfie.id, sample: same ? view.sample : null });
    if (level === "sheet") this.sheet.focus();
    const top = this.model.top(variant.id, selfie.id);
    this.told.textContent = `${variant.label}, ${selfie.name}: ${top?.check || top?.title || "missing"}`;
  }

  /** Another sample of a cell on top. */
  turn(variant, selfie, by) {
    const repeat = this.model.turned(variant, selfie, by);
    if (repeat === null) return;
    this.tops.set(`${variant}:${selfie}`, repeat);
    const looked = variant === this.view.variant && selfie === this.view.selfie;
    this.change(looked ? { sample: repeat } : {});
  }

  /** What was turned up by hand gives way to the worst, or to the first. */
  worst() {
    this.tops.clear();
    this.change({ worst: !this.view.worst, sample: null });
  }

  hide(variant) {
    if (variant === null || variant === this.model.baseline) return;
    this.change({ hidden: [...this.view.hidden, variant] });
  }

  bring(variant) {
    this.change({ hidden: this.view.hidden.filter((each) => each !== variant) });
  }

  /** Another baseline; the server tells what differs from it. */
  choose(variant) {
    this.change({ base: variant, hidden: this.view.hidden.filter((each) => each !== variant) });
    this.tell("baseline", variant);
  }

  go(page, id) {
    this.tell("go", { page, id, experiment: this.data.experiment });
  }

  generation() {
    const { variant, selfie } = this.view;
    const number = variant === null ? null : this.model.top(variant, selfie)?.generation;
    if (number) this.go("generations", number);
  }

  flicker(on) {
    this.stage.classList.toggle("flicker", on && this.view.level === "pair");
  }

  overlay() {
    const on = this.stage.classList.toggle("measures");
    this.stage.querySelector("button.checks")?.setAttribute("aria-pressed", String(on));
  }

  zoomed(zoom) {
    for (const layer of this.stage?.querySelectorAll(".layer") ?? []) layer.style.transform = zoom.transform;
    this.stage?.classList.toggle("zoomed", zoom.scale > 1);
  }

  difference(variant) {
    this.show(differencePanel(this, this.model.variantsById.get(variant)));
  }

  help() {
    const rows = HELP.map(([key, words]) => h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, key)), h("td", {}, words)));
    this.show([h("h3", {}, "Keys"), h("table", { class: "keys" }, rows)]);
  }

  show(content) {
    const close = button("×", "Close (Esc)", () => this.panel.hidePopover(), { class: "close", "aria-label": "Close" });
    this.panel.replaceChildren(close, ...content.flat().filter(Boolean));
    this.panel.showPopover();
    close.focus();
  }

  async copy(place) {
    try {
      await navigator.clipboard.writeText(link({ ...this.view, left: this.model.baseline }));
      place.textContent = "Copied";
    } catch {
      place.textContent = "Copy it from the address bar";
    }
  }
}
