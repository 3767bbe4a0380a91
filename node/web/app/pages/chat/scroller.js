// Scrolling in a list that grows at both ends: at its end it stays there, elsewhere what is in view stays where it is.

/** Pixels from the end that are still the end, and from which on a way back is offered. */
const AT_END = 48;
const NEAR_END = 400;
/** Pixels from either end at which more is wanted. */
const NEAR = 600;
/** Milliseconds that a message is lit which somebody jumped to. */
const LIT = 2000;

/**
 * Looks after `list` in `box`. `more("older" | "newer")` is called when more is wanted at that end, `moved()` after it has scrolled; `ends()`
 * says whether the list's end is that of the room.
 */
export class Scroller {
  constructor(box, list, { more, moved, ends }) {
    Object.assign(this, { box, list, more, ends, stays: true, ready: false, held: null });
    box.addEventListener("scroll", () => {
      this.stays = this.atEnd;
      this.#hold();
      this.#ask();
      moved();
    }, { passive: true });
    // The keyboard of a phone, a growing field, a turned screen.
    this.sized = new ResizeObserver(() => {
      this.#restore();
      this.#ask();
      moved();
    });
    this.sized.observe(box);
  }

  end() {
    this.sized.disconnect();
  }

  get #left() {
    return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight;
  }

  /** Whether the end is in view. What is not shown at all has none in view. */
  get atEnd() {
    return this.ends() && this.box.clientHeight > 0 && this.#left < AT_END;
  }

  get nearEnd() {
    return this.ends() && this.#left < NEAR_END;
  }

  /** The message that one reads; null at the end. */
  get reading() {
    return this.stays ? null : this.held?.id ?? null;
  }

  toEnd() {
    this.box.scrollTop = this.box.scrollHeight;
    this.stays = this.ends();
  }

  /** The end is not what is looked at any more. */
  leave() {
    this.stays = false;
  }

  /** First shown: at the end, or at this element if the end is too far from it. */
  open(element) {
    this.ready = true;
    this.toEnd();
    if (element && element.getBoundingClientRect().top < this.box.getBoundingClientRect().top) {
      element.scrollIntoView({ block: "start" });
      this.stays = this.atEnd;
    }
    this.#hold();
    this.#ask();
  }

  /** Changes the list with `change`, and has what is in view stay where it is. */
  keeping(change) {
    this.#hold();
    change();
    this.#restore();
    this.#ask();
  }

  /** Brings an element into view, and the eye to it. */
  show(element) {
    this.stays = false;
    element.scrollIntoView({ block: "center" });
    this.#hold();
    element.classList.add("lit");
    element.setAttribute("tabindex", "-1");
    element.focus({ preventScroll: true });
    setTimeout(() => element.classList.remove("lit"), LIT);
  }

  /** Notes the first message in view, and where. */
  #hold() {
    if (this.box.clientHeight === 0) return;
    const { top } = this.box.getBoundingClientRect();
    const { children } = this.list;
    let [from, to] = [0, children.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (children[middle].getBoundingClientRect().bottom > top) to = middle;
      else from = middle + 1;
    }
    while (from < children.length && !children[from].dataset.message) from += 1;
    const found = children[from];
    this.held = found ? { id: found.dataset.message, at: found.getBoundingClientRect().top - top } : null;
  }

  /** Has it there again. */
  #restore() {
    if (this.stays) {
      this.toEnd();
      return;
    }
    // It may have another element now.
    const element = this.held && this.list.querySelector(`[data-message="${this.held.id}"]`);
    if (element) this.box.scrollTop += element.getBoundingClientRect().top - this.box.getBoundingClientRect().top - this.held.at;
  }

  /** Near an end, and where the list is too short to be scrolled, more is wanted. */
  #ask() {
    if (!this.ready || this.box.clientHeight === 0) return;
    if (this.box.scrollTop < NEAR) this.more("older");
    if (this.#left < NEAR) this.more("newer");
  }
}
