// Which key means what. Keys are the grid's only while nothing else on the page asks for them.

export const HELP = [
  ["Enter", "Go in: all images, one selfie's row, a pair"],
  ["Esc", "Go out again"],
  ["← → ↑ ↓", "Move; in a pair ← → step B while A stays, ↑ ↓ take another selfie"],
  [", .", "Sample before, next sample"],
  ["+ - 0", "In a pair: larger, smaller, whole; the wheel zooms and a drag moves both"],
  ["Space or F", "In a pair, held: B in the place of A"],
  ["O", "In a pair: what the checks measured, on or off"],
  ["D", "What this version says differently from the baseline"],
  ["G", "Open the image's generation"],
  ["H", "Hide this version"],
  ["S", "Swap rows and columns"],
  ["?", "This list"],
];

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAIR = { "+": "larger", "=": "larger", "-": "smaller", 0: "whole", " ": "flicker", f: "flicker", o: "overlay" };
const ANYWHERE = { Enter: "in", Escape: "out", ",": "before", ".": "next", d: "difference", g: "generation", h: "hide", s: "swap", "?": "help" };

/** What a key asks for at a level: `[name, ...details]`; null where the key is not ours. */
export function asked(event, level) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (ARROWS[key]) return ["move", ...ARROWS[key]];
  if (level === "pair" && PAIR[key]) return [PAIR[key]];
  return ANYWHERE[key] ? [ANYWHERE[key]] : null;
}

/** Whether somebody writes, or works a control of the page, so that the key is theirs. */
export function taken(event, root, level) {
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return false;
  if (target.closest("input, textarea, select, [contenteditable=''], [contenteditable=true], [role=textbox], [role=combobox]")) return true;
  const inside = event.composedPath().includes(root);
  if (inside) {
    const control = target.closest("button, a, summary");
    return Boolean(control) && (event.key === "Enter" || event.key === " ");
  }
  // From outside only where nothing has the focus, and the grid lies over the page.
  return level === "sheet" || target !== document.body;
}
