// Where each block of the tree is drawn: its height is the column, its branch a lane. What has a place keeps it while the
// tree grows, so that nothing jumps. Pure.

/** A branch begins in a lane that is free from one height before it to so many after it. */
const AHEAD = 12;
/** After so many free heights of the lane next to it a branch moves towards the middle. */
const HOMECOMING = 6;
/** A lane waits for a tip to go on in it while others are less than so many heights ahead. */
const RESERVED = 200;

export class Lanes {
  constructor() {
    /** Hash → `{ hash, height, lane }`. */
    this.places = new Map();
    /** Height → places at it. */
    this.columns = new Map();
    /** Lane → set of heights that it holds. */
    this.taken = new Map();
    /** Lane → the highest place in it. */
    this.ends = new Map();
    /** Whether a block is some node's tip, which may go on. */
    this.isTip = () => false;
    this.lowest = 0;
    this.highest = 0;
  }

  /** Those of a whole tree: the chain that ends with the most work goes straight. */
  static of(network) {
    const lanes = new Lanes();
    const straight = new Set(network.chain(network.best()).map((block) => block.hash));
    const sorted = [...network.blocks.values()].sort(
      (one, other) =>
        one.height - other.height ||
        straight.has(other.hash) - straight.has(one.hash) ||
        (one.hash < other.hash ? -1 : 1),
    );
    for (const block of sorted) lanes.place(block);
    return lanes;
  }

  /** Gives a block its place, if it has none at its height. */
  place(block) {
    const known = this.places.get(block.hash);
    if (known && known.height === block.height) return known;
    if (known) this.remove(block.hash);
    const parent = this.places.get(block.previous);
    const lane = this.laneFor(block.height, parent);
    const place = { hash: block.hash, height: block.height, lane, previous: block.previous };
    this.places.set(block.hash, place);
    if (!this.columns.has(block.height)) this.columns.set(block.height, []);
    this.columns.get(block.height).push(place);
    if (!this.taken.has(lane)) this.taken.set(lane, new Set());
    this.taken.get(lane).add(block.height);
    if (!(this.ends.get(lane)?.height >= block.height)) this.ends.set(lane, place);
    if (this.places.size === 1) this.lowest = block.height;
    this.lowest = Math.min(this.lowest, block.height);
    this.highest = Math.max(this.highest, block.height);
    return place;
  }

  laneFor(height, parent) {
    const first = parent && parent.height === height - 1 && !this.taken.get(parent.lane)?.has(height);
    if (first) {
      if (parent.lane === 0) return 0;
      const inwards = parent.lane - Math.sign(parent.lane);
      return this.isFree(inwards, height - HOMECOMING, height + AHEAD, parent.hash) ? inwards : parent.lane;
    }
    const near = parent?.lane ?? 0;
    for (let far = 0; ; far += 1) {
      // Of two that are as far away, the one nearer to the middle.
      const lanes = far === 0 ? [near] : near > 0 ? [near - far, near + far] : [near + far, near - far];
      for (const lane of lanes) if (this.isFree(lane, height - 1, height + AHEAD, parent?.hash)) return lane;
    }
  }

  isFree(lane, from, to, parent) {
    const taken = this.taken.get(lane);
    if (!taken) return true;
    for (let at = from; at <= to; at += 1) if (taken.has(at)) return false;
    const end = this.ends.get(lane);
    const waits = end.height < from && end.height > from - RESERVED && end.hash !== parent && this.isTip(end.hash);
    return !waits;
  }

  /** Takes a block's place away. */
  remove(hash) {
    const place = this.places.get(hash);
    if (!place) return;
    this.places.delete(hash);
    this.taken.get(place.lane)?.delete(place.height);
    if (this.ends.get(place.lane) === place) {
      const below = [...this.taken.get(place.lane)].reduce((one, other) => Math.max(one, other), -1);
      const end = (this.columns.get(below) ?? []).find((other) => other.lane === place.lane);
      if (end) this.ends.set(place.lane, end);
      else this.forgetLane(place.lane);
    }
    const column = this.columns.get(place.height).filter((other) => other.hash !== hash);
    if (column.length > 0) {
      this.columns.set(place.height, column);
      return;
    }
    this.columns.delete(place.height);
    while (this.lowest < this.highest && !this.columns.has(this.lowest)) this.lowest += 1;
    while (this.highest > this.lowest && !this.columns.has(this.highest)) this.highest -= 1;
  }

  forgetLane(lane) {
    this.taken.delete(lane);
    this.ends.delete(lane);
  }

  /**
   * The hash to go to from a block by a key: `left` to the parent, `right` to a child (in its own lane before others),
   * `up` and `down` within the height, `first` and `last`.
   */
  neighbour(hash, way) {
    const place = this.places.get(hash);
    if (!place || way === "last" || way === "first") {
      const column = this.columns.get(way === "first" ? this.lowest : this.highest) ?? [];
      return nearest(column, 0)?.hash ?? hash;
    }
    const column = this.columns.get(place.height);
    if (way === "left") return this.places.has(place.previous) ? place.previous : hash;
    if (way === "right") {
      const children = (this.columns.get(place.height + 1) ?? []).filter((other) => other.previous === hash);
      return nearest(children, place.lane)?.hash ?? hash;
    }
    const beyond = column.filter((other) => (way === "up" ? other.lane < place.lane : other.lane > place.lane));
    return nearest(beyond, place.lane)?.hash ?? hash;
  }
}

function nearest(places, lane) {
  let found = null;
  for (const place of places) {
    if (!found || Math.abs(place.lane - lane) < Math.abs(found.lane - lane)) found = place;
  }
  return found;
}
