// A room's messages as they scroll by: older ones come in from above, newer ones from below, and what one reads stays where it is.

import { get } from "/web/base/api.js";
import { el, fill, notice, text } from "/web/base/dom.js";
import { count } from "/web/base/format.js";
import { Timeline, firstUnread } from "../../logic/chat/timeline.js";
import { called, dayName, dayOf, goesOn, inShort } from "../../logic/chat/words.js";
import { live } from "../../live.js";
import { readRoomsSoon } from "../../rooms.js";
import { act } from "../../server.js";
import { ghost, messageView, sameness } from "./message.js";
import { Scroller } from "./scroller.js";

const PAGE = 50;
/** Messages in one page while one is looked for. */
const LONG_PAGE = 500;
/** Milliseconds after a state has changed before the node's order is asked for. */
const PAUSE = 400;

/** The messages of one room. */
export class Log {
  timeline = new Timeline();
  #views = new Map();
  #unread = null;
  #marked = null;
  #fresh = 0;
  #paging = null;
  #timer = null;
  #tip = null;

  /**
   * `on` are the deeds of `messageView` and `opened(messages)`, called whenever the newest page was read; `draft` knows what is
   * being sent. `unread` messages were not seen when the room was opened.
   */
  constructor(scope, id, draft, on) {
    Object.assign(this, { scope, id, draft, on: { ...on, jump: (wanted) => this.jump(wanted) }, path: `/chat/rooms/${id}/messages` });
    this.list = el("ol", { class: "said-list", "aria-label": "Messages" });
    this.top = el("div", { class: "said-top" });
    this.box = el("div", { class: "said-box", id: "messages", tabindex: "0", role: "group", "aria-label": "Messages, oldest first" }, this.top, this.list);
    this.down = el("button", { type: "button", class: "to-newest", id: "to-newest", hidden: true, on: { click: () => this.toEnd() } });
    this.spoken = el("div", { class: "only-spoken", "aria-live": "polite", id: "newest-spoken" });
    this.element = el("div", { class: "said-frame" }, this.box, this.down, this.spoken);
    this.scroller = new Scroller(this.box, { nearTop: () => this.#older(), moved: () => this.#moved() });
    const seen = () => this.#seen();
    document.addEventListener("visibilitychange", seen);
    scope.finally(() => {
      document.removeEventListener("visibilitychange", seen);
      this.scroller.end();
      clearTimeout(this.#timer);
    });
  }

  /** Reads the newest messages. `unread` (null if it is not the first time) of them were not seen before. */
  async read(unread = null) {
    const asked = this.timeline.now;
    const page = await get(`${this.path}?limit=${Math.max(PAGE, Math.min(LONG_PAGE, unread ?? 0))}`);
    if (this.scope.closed) return;
    const first = this.timeline.before === undefined;
    this.timeline.newestPage(page, asked);
    this.on.opened(this.timeline.messages);
    if (first) {
      this.#unread = firstUnread(this.timeline.messages, unread ?? 0);
      if (!unread) this.#marked = this.#newestOfOthers();
    }
    this.draw();
    if (first) this.scroller.open(this.list.querySelector(".since"));
    this.#moved();
  }

  /** Takes a message that an event told. */
  take(message) {
    const before = this.timeline.get(message.id)?.state;
    const isNew = this.timeline.take(message);
    if (isNew && !message.mine) {
      text(this.spoken, `${called(message.author_name, message.author)}: ${inShort(message.text, 300)}`);
      if (!this.scroller.atEnd) this.#fresh += 1;
    }
    this.draw();
    this.#moved();
    // Where it stands among the others is for the node to say.
    if (!isNew && before !== message.state) this.readSoon();
  }

  /** Reads the newest messages a little later. */
  readSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.read().catch(() => {}), PAUSE);
  }

  /** Takes the answer to sending one's own. */
  answered(message) {
    this.timeline.answered(message);
    this.draw();
  }

  /** Forgets one that was taken back. */
  drop(id) {
    this.timeline.drop(id);
    this.draw();
  }

  /** What is said above the first message, once there is nothing older. */
  set beginning(words) {
    if (this.beginningWords === words) return;
    this.beginningWords = words;
    this.draw();
  }

  /** The newest message comes into view. */
  toEnd() {
    this.scroller.toEnd();
    this.#moved();
  }

  /** Shows a message, with older pages read until it is there. */
  async jump(id) {
    if (!this.timeline.get(id)) {
      this.down.hidden = false;
      text(this.down, "Looking for it…");
      try {
        while (!this.timeline.get(id) && this.timeline.before && !this.scope.closed) await this.#older(LONG_PAGE, true);
      } catch (error) {
        notice(error.message, "bad");
      }
      if (this.scope.closed) return;
      this.scroller.leave();
      this.draw();
    }
    const found = this.#views.get(id)?.element;
    if (found) this.scroller.show(found);
    else notice("That message is not among those that you can read.", "bad");
    this.#moved();
  }

  draw() {
    this.scroller.keeping(() => this.#place());
    this.#drawTop();
  }

  /** Writes the states again, as confirmations grow. */
  drawStates() {
    if (this.#tip === live.tip) return;
    this.#tip = live.tip;
    for (const message of this.timeline.messages) this.#views.get(message.id)?.view.update(message);
  }

  #place() {
    const { messages } = this.timeline;
    const wanted = [];
    const views = new Map();
    let before;
    for (const message of messages) {
      if (!before || dayOf(before.time) !== dayOf(message.time)) wanted.push(this.#divider("day", dayName(message.time)));
      if (message.id === this.#unread) {
        wanted.push(this.#divider("since", "New since you were here"));
        before = undefined;
      }
      const key = sameness(message, goesOn(before, message));
      let kept = this.#views.get(message.id);
      if (kept?.key === key) kept.view.update(message);
      else {
        const view = messageView(message, goesOn(before, message), this.on);
        kept = { key, view, element: view.element };
      }
      views.set(message.id, kept);
      wanted.push(kept.element);
      before = message;
    }
    this.#views = views;
    wanted.push(...this.draft.unseen(messages).map(ghost));
    const staying = new Set(wanted);
    [...this.list.children].forEach((child) => staying.has(child) || child.remove());
    let next = this.list.firstElementChild;
    for (const child of wanted) {
      if (child === next) next = next.nextElementSibling;
      else this.list.insertBefore(child, next);
    }
  }

  #divider = (kind, words) => el("li", { class: `divider ${kind}` }, el("span", {}, words));

  #drawTop() {
    if (this.#paging || this.timeline.before === undefined) return;
    if (this.timeline.before) fill(this.top, el("button", { type: "button", class: "small plain", id: "older", on: { click: () => this.#older() } }, "Older messages"));
    else this.#tellTop(this.beginningWords ?? "", "quiet");
  }

  #tellTop = (words, kind) => this.scroller.keeping(() => fill(this.top, words ? el("p", { class: `small ${kind}` }, words) : null));

  /** Reads the page before the first message; never two at once. While one is looked for, nothing is drawn, and what goes wrong is thrown. */
  #older(limit = PAGE, looking = false) {
    if (!this.timeline.before) return Promise.resolve();
    this.#paging ??= (async () => {
      fill(this.top, el("p", { class: "small quiet" }, "Loading older messages…"));
      const asked = this.timeline.now;
      const { before } = this.timeline;
      try {
        const page = await get(`${this.path}?limit=${limit}&before=${encodeURIComponent(before)}`);
        if (!this.scope.closed && this.timeline.before === before) this.timeline.olderPage(page, asked);
      } finally {
        this.#paging = null;
      }
      if (!this.scope.closed && !looking) this.draw();
    })();
    return this.#paging.catch((error) => {
      if (looking) throw error;
      fill(this.top, el("p", { class: "small bad-text", role: "alert" }, error.message), el("button", { type: "button", class: "small", on: { click: () => this.#older() } }, "Try again"));
    });
  }

  /** After scrolling, drawing or coming back: what can be seen now. */
  #moved() {
    const { atEnd } = this.scroller;
    if (atEnd) this.#fresh = 0;
    this.down.hidden = this.scroller.nearEnd && this.#fresh === 0;
    text(this.down, this.#fresh > 0 ? `↓ ${count(this.#fresh, "new message")}` : "↓ To the newest");
    this.#seen();
  }

  #newestOfOthers = () => this.timeline.messages.findLast((message) => !message.mine)?.id ?? null;

  /** Tells the node that everything has been seen, if it has. */
  async #seen() {
    const newest = this.#newestOfOthers();
    if (newest === null || newest === this.#marked || document.visibilityState !== "visible" || !this.scroller.atEnd) return;
    const before = this.#marked;
    this.#marked = newest;
    try {
      await act(`/chat/rooms/${this.id}/read`, { message: newest });
      readRoomsSoon();
    } catch {
      // It stays unread, and is told again with the next look.
      this.#marked = before;
    }
  }
}
