// The way in: Streamlit calls this whenever there is something new, always with the same place to draw.
// Under load it may take a component away and bring it back at once; nobody should lose their place by that.

import { clearAddress } from "./address.js";
import { Grid } from "./grid.js";

const SOON = 4000;
const GRIDS = new Map();
// By experiment: what its last grid left behind. Gone for good after a moment.
const LEFT = new Map();

export default function main(component) {
  const place = component.parentElement;
  const element = place.querySelector(".compare");
  const { experiment } = component.data;
  // The place's own element may be made anew with the page's markup.
  if (GRIDS.get(place)?.element !== element) {
    leave(place, experiment);
    GRIDS.set(place, new Grid(element, LEFT.get(experiment)));
    LEFT.delete(experiment);
  }
  GRIDS.get(place).update(component);
  return () => leave(place, experiment);
}

function leave(place, experiment) {
  const grid = GRIDS.get(place);
  if (!grid) return;
  GRIDS.delete(place);
  const left = grid.close();
  LEFT.set(experiment, left);
  // The list of experiments has no use for what the address said of a grid.
  const clear = () => GRIDS.size === 0 && window.location.pathname === grid.page && clearAddress();
  const asked = new URLSearchParams(window.location.search);
  if (!asked.has("experiment") && !asked.has("import")) clear();
  setTimeout(() => {
    if (LEFT.get(experiment) === left) LEFT.delete(experiment);
    clear();
  }, SOON);
}
