// Scrolling in a list that grows at both ends: at its end it stays there, elsewhere what is in view stays where it is.

/** Pixels from the end that are still the end, and from which on a way back is offered. */
const AT_END = 48;
const NEAR_END = 400;
/** Pixels from the beginning at which more is wanted. */
const NEAR_TOP = 500;
/** Milliseconds that a message is lit which somebody jumped to. */
const LIT = 2000;

/** Looks after `box`, whose last child is the list. `nearTop` is called when more is wanted, `moved` after it has scrolled. */
export class Scroller {
  constructor(box, { nearTop, moved }) {
    this.box = box;
    this.list = box.lastElementChild;
    this.stays = true;
    this.nearTop = nearTop;
    box.addEventListener("scroll", () => {
      this.stays = this.atEnd;
      this.#hold();
      if (this.ready && box.scrollTop < NEAR_TOP) nearTop();
      moved();
    }, { passive: true });
    // The keyboard of a phone, a growing field, a turned screen.
    this.sized = new ResizeObserver(() => {
      this.#restore();
      this.#fill();
      moved();
    });
    this.sized.observe(box);
    this.held = null;
  }

  end() {
    this.sized.disconnect();
  }

  get #left() {
    return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight;
  }

  /** Whether the end is in view. What is not shown at all has none in view. */
  get atEnd() {
    return this.box.clientHeight > 0 && this.#left < AT_END;
  }

  get nearEnd() {
    return this.#left < NEAR_END;
  }

  toEnd() {
    this.box.scrollTop = this.box.scrollHeight;
    this.stays = true;
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
    this.#fill();
  }

  /** Changes the list with `change`, and has what is in view stay where it is. */
  keeping(change) {
    this.#hold();
    change();
    this.#restore();
    this.#fill();
  }

  /** Brings an element into view, and the eye to it. */
  show(element) {
    this.stays = false;
    element.scrollIntoView({ block: "center" });
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
    this.held = from < children.length ? { element: children[from], at: children[from].getBoundingClientRect().top - top } : null;
  }

  /** Has it there again. */
  #restore() {
    if (this.stays) this.toEnd();
    else if (this.held?.element.isConnected) this.box.scrollTop += this.held.element.getBoundingClientRect().top - this.box.getBoundingClientRect().top - this.held.at;
  }

  /** A list that is shorter than its box cannot be scrolled for more. */
  #fill() {
    if (this.ready && this.box.clientHeight > 0 && this.box.scrollHeight <= this.box.clientHeight + AT_END) this.nearTop();
  }
}
