// Which part of the tree is seen: columns and lanes to pixels and back, zoom around a point, following the newest. Pure.

/** Pixels between two columns and two lanes at scale 1. */
export const COLUMN = 56;
export const LANE = 52;
const SMALLEST = 0.0005;
const LARGEST = 2.2;
/** Where the oldest block of a small tree stands. */
const START = 50;

export class Camera {
  constructor() {
    this.scale = 1;
    /** The column at the middle of the view, and the lane. */
    this.column = 0;
    this.lane = 0;
    this.width = 600;
    this.height = 300;
    /** How many lanes are to be seen while it follows. */
    this.lanes = 1;
    /** Whether it goes along with the newest block. */
    this.follows = true;
  }

  x(column) {
    return this.width / 2 + (column - this.column) * COLUMN * this.scale;
  }

  y(lane) {
    return this.height / 2 + (lane - this.lane) * LANE * this.laneScale();
  }

  /** Lanes stay apart when the columns are drawn close, and come closer where there are many. */
  laneScale() {
    const fitting = (this.height - 70) / (this.lanes * LANE);
    return Math.max(0.3, Math.min(Math.max(this.scale, 0.35), fitting));
  }

  columnAt(x) {
    return this.column + (x - this.width / 2) / (COLUMN * this.scale);
  }

  laneAt(y) {
    return this.lane + (y - this.height / 2) / (LANE * this.laneScale());
  }

  /** The first and the last column that are seen. */
  range() {
    return [
      Math.floor(this.columnAt(-COLUMN * this.scale)),
      Math.ceil(this.columnAt(this.width + COLUMN * this.scale)),
    ];
  }

  pan(dx, dy) {
    this.follows = false;
    this.column -= dx / (COLUMN * this.scale);
    this.lane -= dy / (LANE * this.laneScale());
  }

  /** Makes everything `factor` times as large; what is at x stays there, or the newest block while it is followed. */
  zoom(factor, x = this.width / 2) {
    const at = this.columnAt(x);
    this.scale = Math.min(LARGEST, Math.max(SMALLEST, this.scale * factor));
    if (!this.follows) this.column = at - (x - this.width / 2) / (COLUMN * this.scale);
  }

  /** Shows all columns from the first to the last. */
  fit(first, last) {
    this.follows = false;
    const room = Math.max(this.width - 150, this.width / 2);
    this.scale = Math.min(1, Math.max(SMALLEST, room / (Math.max(1, last - first) * COLUMN)));
    // More is free to the right, where the newest tips are marked.
    this.column = (first + last) / 2 + 35 / (COLUMN * this.scale);
    this.lane = 0;
  }

  /** Goes along with the newest block from now on, near enough to read what is in it. */
  goFollow() {
    this.follows = true;
    if (this.scale < 0.5) this.scale = 1;
  }

  /**
   * Moves towards the newest column (of those from the oldest on), by what `passed` milliseconds are worth; `room` is how many pixels stay free to
   * the right of it. True while it is still on its way.
   */
  follow([oldest, newest], lane, room, passed) {
    if (!this.follows) return false;
    const across = (this.width / 2 - room) / (COLUMN * this.scale);
    // A tree that has room grows from the left.
    const wanted = Math.max(newest - across, oldest + (this.width / 2 - START) / (COLUMN * this.scale));
    const far = Math.abs(wanted - this.column) > this.width / (COLUMN * this.scale);
    const part = far || passed === Infinity ? 1 : 1 - Math.exp(-passed / 140);
    const [dx, dy] = [(wanted - this.column) * part, (lane - this.lane) * part];
    this.column += dx;
    this.lane += dy;
    return Math.abs(wanted - this.column) * COLUMN * this.scale > 0.3 || Math.abs(lane - this.lane) * LANE > 0.3;
  }

  /** Brings a place into view, if it is not. */
  reveal(column, lane) {
    const [x, y] = [this.x(column), this.y(lane)];
    const margin = 40;
    if (x < margin || x > this.width - margin) {
      this.follows = false;
      this.column = column;
    }
    if (y < margin || y > this.height - margin) {
      this.follows = false;
      this.lane = lane;
    }
  }
}
