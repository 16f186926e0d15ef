// Joined zoom and pan: every layer gets the same transform, in shares of its own place.

const MOST = 12;
const STEP = 1.25;

export class Zoom {
  constructor(changed) {
    this.changed = changed;
    this.reset();
  }

  reset() {
    [this.scale, this.x, this.y] = [1, 0, 0];
    this.changed(this);
  }

  get transform() {
    return `translate(${this.x.toFixed(3)}%, ${this.y.toFixed(3)}%) scale(${this.scale.toFixed(4)})`;
  }

  /** Larger or smaller about a point, given in percent of the place; its middle unless told. */
  by(factor, px = 50, py = 50) {
    const scale = Math.min(Math.max(this.scale * factor, 1), MOST);
    const grown = scale / this.scale;
    [this.x, this.y, this.scale] = [px - (px - this.x) * grown, py - (py - this.y) * grown, scale];
    this.keep();
  }

  in() {
    this.by(STEP);
  }

  out() {
    this.by(1 / STEP);
  }

  pan(dx, dy) {
    [this.x, this.y] = [this.x + dx, this.y + dy];
    this.keep();
  }

  /** No empty edge is pulled into the place. */
  keep() {
    const least = 100 - 100 * this.scale;
    this.x = Math.min(Math.max(this.x, least), 0);
    this.y = Math.min(Math.max(this.y, least), 0);
    this.changed(this);
  }

  /** Let the wheel zoom this place and a drag move it. */
  attach(place) {
    place.addEventListener("wheel", (event) => this.wheel(place, event), { passive: false });
    place.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      place.setPointerCapture(event.pointerId);
      this.at = [event.clientX, event.clientY];
    });
    place.addEventListener("pointermove", (event) => {
      if (!place.hasPointerCapture(event.pointerId)) return;
      const box = place.getBoundingClientRect();
      const [x, y] = this.at;
      this.at = [event.clientX, event.clientY];
      this.pan(((event.clientX - x) / box.width) * 100, ((event.clientY - y) / box.height) * 100);
    });
    place.addEventListener("dblclick", () => (this.scale > 1 ? this.reset() : this.by(3)));
  }

  wheel(place, event) {
    event.preventDefault();
    const box = place.getBoundingClientRect();
    const share = (at, start, size) => ((at - start) / size) * 100;
    const factor = Math.exp(-Math.min(Math.max(event.deltaY, -240), 240) / 400);
    this.by(factor, share(event.clientX, box.left, box.width), share(event.clientY, box.top, box.height));
  }
}
