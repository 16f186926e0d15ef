// What is shown of the data: which versions and selfies, in which order, and which sample of a cell.

export class Model {
  /** `tops` remembers which sample of a cell somebody turned up, by cell. */
  constructor(data, view, tops) {
    this.data = data;
    this.view = view;
    this.tops = tops;
    this.variantsById = new Map(data.variants.map((each) => [each.id, each]));
    this.selfiesById = new Map(data.selfies.map((each) => [each.id, each]));
    this.baseline = this.variantsById.has(view.base) ? view.base : data.baseline;
    const ordered = data.columnOrders[view.columns].filter((id) => id !== this.baseline);
    const open = ordered.filter((id) => !view.hidden.includes(id));
    this.columns = [this.baseline, ...open].map((id) => this.variantsById.get(id));
    this.hidden = ordered.filter((id) => view.hidden.includes(id)).map((id) => this.variantsById.get(id));
    this.rows = data.rowOrders[view.sort].map((id) => this.selfiesById.get(id));
    this.stacked = Object.values(data.cells).some((cell) => cell.samples.length > 1);
  }

  /** Whether the words of difference belong to the baseline that is shown. */
  get compared() {
    return this.baseline === this.data.baseline;
  }

  samples(variant, selfie) {
    return this.data.cells[`${variant}:${selfie}`]?.samples ?? [];
  }

  /** The sample that lies on top of a cell. */
  top(variant, selfie) {
    const cell = this.data.cells[`${variant}:${selfie}`];
    if (!cell) return null;
    const turned = this.tops.get(`${variant}:${selfie}`);
    const asked = this.view.variant === variant && this.view.selfie === selfie ? this.view.sample : null;
    const first = this.view.worst ? cell.worst[0] : cell.samples[0].repeat;
    const find = (repeat) => cell.samples.find((each) => each.repeat === repeat);
    return find(asked) ?? find(turned) ?? find(first);
  }

  /** The repeat that lies `by` steps from the one on top; round at the ends. */
  turned(variant, selfie, by) {
    const samples = this.samples(variant, selfie);
    const place = samples.indexOf(this.top(variant, selfie));
    return samples[(place + by + samples.length) % samples.length]?.repeat ?? null;
  }

  /** A selfie that exists: the asked one, or the first. */
  selfie(id) {
    return this.selfiesById.get(id) ?? this.rows[0];
  }

  /** The neighbour of a thing in a list, by its id; stays at the ends. */
  static beside(list, id, by) {
    const place = list.findIndex((each) => each.id === id);
    return list[Math.min(Math.max(place + by, 0), list.length - 1)];
  }

  /** B of the pair: the asked version, if it is shown and not A; else the first that is. */
  right(id) {
    return this.columns.slice(1).find((each) => each.id === id) ?? this.columns[1] ?? null;
  }
}

/** A picture in words, for those who do not see it. */
export function described(variant, selfie, sample, count) {
  const which = count > 1 ? `, sample ${sample.repeat} of ${count}` : "";
  const told = sample.small ? [sample.facts, sample.check] : [sample.title, sample.sentence];
  return [`${variant.label} on ${selfie.name}${which}`, ...told].filter(Boolean).join(": ");
}
