// Elements without a library: text is always text, never markup.

const SVG = "http://www.w3.org/2000/svg";
// What a longer name ends with is what tells it from its neighbours.
const LONG_NAME = 24;
const TAIL = 13;

/** An element; properties beginning with `on` are listeners, the others attributes. */
export function h(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** The same for drawings. */
export function svg(tag, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), properties, children);
}

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A button with a word or sign in it, and a sentence that tells what it does. */
export function button(words, tip, act, properties = {}) {
  return h("button", { type: "button", title: tip, onclick: act, ...properties }, words);
}

/** A picture in its true proportions, as large as its square place allows; known before it has come. */
export function picture(source, words, { width, height, lazy = true } = {}) {
  if (!source) return h("p", { class: "gone" }, "The picture is not here.");
  const image = h("img", {
    alt: words,
    draggable: "false",
    decoding: "async",
    loading: lazy ? "lazy" : "eager",
    width,
    height,
  });
  const fit = (wide, high) => image.classList.toggle("tall", high > wide);
  if (width && height) fit(width, height);
  image.addEventListener("load", () => fit(image.naturalWidth, image.naturalHeight));
  image.addEventListener("error", () => {
    image.replaceWith(h("p", { class: "gone" }, "This picture cannot be loaded now. Reload the page to try again."));
  });
  image.src = source;
  return image;
}

/** A long name in two parts: its beginning as far as it fits, and its whole end. */
export function named(label) {
  if (label.length <= LONG_NAME) return label;
  const tail = label.slice(-TAIL);
  const end = tail.slice(tail.indexOf(" ") + 1);
  return [h("span", { class: "begin" }, label.slice(0, -end.length)), h("span", { class: "end" }, end)];
}

/** Go on once the styles beside an element have come; at once where they have, or where there are none to wait for. */
export function whenStyled(element, goOn, signal) {
  const styles = element.parentNode.querySelector("link[rel=stylesheet]");
  if (!styles || styles.sheet) goOn();
  else styles.addEventListener("load", goOn, { once: true, signal });
}
