// What is looked at stands in the address: a link or a reload opens the same again, without asking the server.

const LEVELS = ["sheet", "row", "pair"];
const ROWS = ["set", "disagreement", "gate"];
const COLUMNS = ["set", "gate"];
const NAMES = ["level", "selfie", "variant", "base", "sample", "hidden", "swap", "sort", "columns", "worst"];

/** What the address asks for; what it asks for wrongly is left out. */
export function readAddress() {
  const asked = new URLSearchParams(window.location.search);
  const one = (name, allowed) => (allowed.includes(asked.get(name)) ? asked.get(name) : allowed[0]);
  const number = (name) => (/^\d{1,15}$/.test(asked.get(name) ?? "") ? Number(asked.get(name)) : null);
  return {
    level: one("level", LEVELS),
    selfie: number("selfie"),
    variant: number("variant"),
    base: number("base"),
    sample: number("sample"),
    hidden: (asked.get("hidden") ?? "").split(",").filter((each) => /^\d{1,15}$/.test(each)).map(Number),
    swap: asked.get("swap") === "1",
    sort: one("sort", ROWS),
    columns: one("columns", COLUMNS),
    worst: asked.get("worst") === "1",
  };
}

const PAUSE = 120;

/** Write it down: the first change at once, those that follow in a moment, since held arrows would write too often. */
export function addressWriter() {
  let waiting = null;
  let last = 0;
  const write = (view) => {
    last = performance.now();
    put(words(view));
  };
  return {
    write(view) {
      clearTimeout(waiting);
      if (performance.now() - last > PAUSE) write(view);
      else waiting = setTimeout(() => write(view), PAUSE);
    },
    stop() {
      clearTimeout(waiting);
    },
  };
}

/** Take out of the address what stands there of a view. */
export function clearAddress() {
  put({});
}

/** The address of a view, for the clipboard. */
export function link(view) {
  return composed(words(view)).href;
}

function words(view) {
  const inside = view.level !== "sheet";
  return {
    level: inside ? view.level : null,
    selfie: view.selfie,
    variant: view.variant,
    // Another version may be in production when the link is opened.
    base: view.base ?? (view.level === "pair" ? view.left : null),
    sample: view.sample,
    hidden: view.hidden.length ? view.hidden.join(",") : null,
    swap: view.swap ? "1" : null,
    sort: view.sort === "set" ? null : view.sort,
    columns: view.columns === "set" ? null : view.columns,
    worst: view.worst ? "1" : null,
  };
}

function composed(told) {
  const address = new URL(window.location.href);
  // The same view has the same address, however somebody came to it.
  for (const name of NAMES) address.searchParams.delete(name);
  for (const name of NAMES) if (told[name] !== null && told[name] !== undefined) address.searchParams.set(name, told[name]);
  address.search = address.search.replaceAll("%2C", ",");
  return address;
}

function put(told) {
  const address = composed(told);
  if (address.href !== window.location.href) window.history.replaceState(window.history.state, "", address);
}
