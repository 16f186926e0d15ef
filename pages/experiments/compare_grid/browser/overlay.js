// What the checks measured, drawn over a picture: the figure, its head and feet, and where it is cut off.

import { svg } from "./dom.js";

const LEAST_ROOM = 0.02;

/** The drawing in shares of the picture; nothing where nothing was measured. */
export function overlay(measured) {
  if (!measured) return null;
  const { figure, others, cut, stage, head, feet } = measured;
  return svg(
    "svg",
    { class: "overlay", viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" },
    [LEAST_ROOM, 1 - LEAST_ROOM].map((y) => line(0, y, 1, y, "room")),
    box(figure, "figure"),
    others.map((each) => box(each, "other")),
    line(figure.left, figure.top, figure.right, figure.top, `end ${head}`, "Head"),
    line(figure.left, figure.bottom, figure.right, figure.bottom, `end ${feet}`, "Feet"),
    cut.map((side) => edge(side, stage ?? { left: 0, top: 0, right: 1, bottom: 1 })),
  );
}

/** The same in words. */
export function measuredWords(measured) {
  if (!measured) return "Nothing was measured on this picture.";
  const { figure, cut, head, feet } = measured;
  const percent = (share) => `${(share * 100).toFixed(1)} %`;
  const told = { passed: "inside", failed: "cut off", cannot_tell: "cannot tell" };
  const parts = [
    `figure ${percent(figure.bottom - figure.top)} of the height`,
    `${percent(figure.top)} room above, ${percent(1 - figure.bottom)} below`,
    `head ${told[head] ?? "cannot tell"}, feet ${told[feet] ?? "cannot tell"}`,
  ];
  if (cut.length) parts.push(`cut off at the ${cut.join(" and ")}`);
  return parts.join("; ");
}

function box({ left, top, right, bottom }, kind) {
  return svg("rect", { class: kind, x: left, y: top, width: right - left, height: bottom - top });
}

function line(x1, y1, x2, y2, kind, title = null) {
  return svg("line", { class: kind, x1, y1, x2, y2 }, title ? svg("title", {}, title) : null);
}

function edge(side, { left, top, right, bottom }) {
  const ends = {
    top: [left, top, right, top],
    bottom: [left, bottom, right, bottom],
    left: [left, top, left, bottom],
    right: [right, top, right, bottom],
  }[side];
  return ends ? line(...ends, "cut", `Cut off at the ${side}`) : null;
}
