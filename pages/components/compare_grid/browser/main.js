// The way in: Streamlit calls this whenever there is something new, always with the same place to draw.

import { Grid } from "./grid.js";

const GRIDS = new WeakMap();

export default function main(component) {
  const place = component.parentElement;
  const element = place.querySelector(".compare");
  // The place's own element is made anew with the page's markup.
  if (GRIDS.get(place)?.element !== element) {
    GRIDS.get(place)?.close();
    GRIDS.set(place, new Grid(element));
  }
  GRIDS.get(place).update(component);
  return () => {
    GRIDS.get(place)?.close();
    GRIDS.delete(place);
  };
}
