// Playing a stretch of a timeline again: which entries are due at a moment, and how quiet stretches are passed over. Pure.

/** Milliseconds of the timeline in which nothing happens that are played at most; the rest is skipped. */
export const QUIET = 2000;

/** Entries that wait to be played, and the moment that is shown. */
export class Playback {
  /** `at` is that moment, in milliseconds. */
  constructor(at) {
    this.at = at;
    this.waiting = [];
    this.next = 0;
  }

  /** Adds entries, each `{ number, entry }`, in their order. */
  add(entries) {
    this.waiting = this.waiting.slice(this.next).concat(entries);
    this.next = 0;
  }

  /** How many entries wait. */
  get left() {
    return this.waiting.length - this.next;
  }

  /** Goes on by so many milliseconds of the timeline; gives the entries that have become due. */
  advance(passed) {
    const upcoming = this.waiting[this.next];
    if (upcoming === undefined) return [];
    this.at = Math.max(this.at + passed, upcoming.entry.at - QUIET);
    const due = [];
    while (this.next < this.waiting.length && this.waiting[this.next].entry.at <= this.at) {
      due.push(this.waiting[this.next]);
      this.next += 1;
    }
    return due;
  }
}
