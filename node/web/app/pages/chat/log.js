// A room's messages as they scroll by: older ones come in from above, newer ones from below, and what one reads stays where it is.

import { get } from "/web/base/api.js";
import { el, fill, notice, text } from "/web/base/dom.js";
import { count } from "/web/base/format.js";
import { STEP, Timeline, firstUnread } from "../../logic/chat/timeline.js";
import { called, dayName, dayOf, goesOn, inShort } from "../../logic/chat/words.js";
import { live } from "../../live.js";
import { redraw } from "../../redraw.js";
import { readRoomsSoon } from "../../rooms.js";
import { act } from "../../server.js";
import { ghost, messageView, sameness } from "./message.js";
import { Scroller } from "./scroller.js";

/** Messages that are drawn at most; what is farther away is read again when it is wanted. */
const MOST = 300;
/** Unread messages that are looked through for the first of them. */
const LOOKED_THROUGH = 1_000;
/** Milliseconds after a state has changed before the node's order is asked for. */
const PAUSE = 400;

/** The messages of one room. */
export class Log {
  timeline = new Timeline();
  #views = new Map();
  #unread = null;
  #marked = null;
  #fresh = 0;
  #growing = new Set();
  #failed = new Set();
  #timer = null;
  #tip = null;
  #tail = Promise.resolve();

  /** `on` are the deeds of `messageView`; `draft` knows what is being sent. */
  constructor(scope, id, draft, on) {
    Object.assign(this, { scope, id, draft, on: { ...on, jump: (wanted) => this.jump(wanted) }, path: `/chat/rooms/${id}/messages` });
    this.list = el("ol", { class: "said-list", "aria-label": "Messages" });
    this.ends = { older: el("div", { class: "said-end" }), newer: el("div", { class: "said-end" }) };
    this.box = el("div", { class: "said-box", id: "messages", tabindex: "0", role: "group", "aria-label": "Messages, oldest first" }, this.ends.older, this.list, this.ends.newer);
    this.down = el("button", { type: "button", class: "to-newest", id: "to-newest", hidden: true, on: { click: () => this.toEnd() } });
    this.spoken = el("div", { class: "only-spoken", "aria-live": "polite", id: "newest-spoken" });
    this.element = el("div", { class: "said-frame" }, this.box, this.down, this.spoken);
    this.scroller = new Scroller(this.box, this.list, {
      more: (side) => this.#failed.has(side) || this.#grow(side), moved: () => this.#moved(), ends: () => !this.timeline.newer,
    });
    const seen = () => this.#seen();
    document.addEventListener("visibilitychange", seen);
    scope.finally(() => {
      document.removeEventListener("visibilitychange", seen);
      this.scroller.end();
      clearTimeout(this.#timer);
    });
  }

  /** Does a task after those before it: no two pages are read at once, and none while a message is sent that it may or may not have. */
  alone(task) {
    const done = this.#tail.then(task);
    this.#tail = done.catch(() => {});
    return done;
  }

  /** Reads the newest messages; so many of them were not seen before. */
  open(unread) {
    this.unseen = unread;
    return this.alone(() => this.#first());
  }

  async #first() {
    await this.#read(`limit=${Math.min(LOOKED_THROUGH, Math.max(STEP, this.unseen))}`);
    if (this.scope.closed) return;
    this.#unread = firstUnread(this.timeline.messages, this.unseen);
    if (this.unseen === 0) this.#marked = this.#newestOfOthers();
    if (this.#unread) this.timeline.cut(this.#unread, MOST);
    this.draw();
    this.scroller.open(this.list.querySelector(".since"));
    this.#moved();
  }

  /** Reads the messages that are here again. */
  async #again() {
    if (!this.timeline.begun) return this.#first();
    const { messages, middle, newer } = this.timeline;
    const limit = `limit=${Math.max(STEP, messages.length)}`;
    await this.#read(newer && middle ? `around=${middle}&${limit}` : limit, { first: messages.length < STEP ? null : messages[0].id });
    if (this.scope.closed) return;
    this.draw();
    this.#moved();
  }

  /** Has a page of the room take the place of what is here. False if it is to have `wanted` in it, and has not. */
  async #read(query, { wanted = null, first = null } = {}) {
    const asked = this.timeline.now;
    const page = await get(`${this.path}?${query}`);
    if (wanted !== null && !page.messages.some(({ id }) => id === wanted)) return false;
    this.timeline.replace(page, asked, first);
    this.#failed.clear();
    return true;
  }

  /** Takes a message that an event told. */
  take(message) {
    // Which of those that are being sent it is, the answer says.
    if (message.mine && this.draft.sending.length > 0 && !this.timeline.knows(message.id)) {
      this.readSoon();
      return;
    }
    const before = this.timeline.get(message.id)?.state;
    const isNew = this.timeline.take(message);
    if (isNew && !message.mine) {
      text(this.spoken, `${called(message.author_name, message.author)}: ${inShort(message.text, 300)}`);
      if (!this.scroller.atEnd) this.#fresh += 1;
    }
    this.draw();
    this.#moved();
    // Where it stands among the others is for the node to say.
    if (isNew ? message.state === "confirmed" : before !== message.state) this.readSoon();
  }

  /** Reads the messages that are here again, a little later. */
  readSoon() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.alone(() => this.#again()).catch(() => {});
    }, PAUSE);
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
  async toEnd() {
    if (this.timeline.newer && !(await this.#fetch(`limit=${STEP}`))) return;
    this.scroller.toEnd();
    this.#moved();
  }

  /** Shows a message, among those that were said around it. */
  async jump(id) {
    if (!this.timeline.get(id) && !(await this.#fetch(`around=${id}&limit=${2 * STEP}`, id))) return;
    this.scroller.show(this.#views.get(id).element);
    this.#moved();
  }

  /** Goes to another part of the room. False if that failed, which is told, or nobody waits for it any more. */
  async #fetch(query, wanted = null) {
    let trouble = "That message is not among those that you can read.";
    const found = await this.alone(() => this.#read(query, { wanted })).catch((error) => {
      trouble = error.message;
      return false;
    });
    if (this.scope.closed) return false;
    if (!found) {
      notice(trouble, "bad");
      return false;
    }
    this.scroller.leave();
    this.draw();
    return true;
  }

  draw() {
    if (!this.timeline.begun) return;
    this.scroller.keeping(() => {
      this.timeline.cut(this.scroller.reading, MOST);
      this.#place();
      for (const side of ["older", "newer"]) this.#drawEnd(side);
    });
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
    if (!this.timeline.newer) wanted.push(...this.draft.sending.map(ghost));
    const staying = new Set(wanted);
    [...this.list.children].forEach((child) => staying.has(child) || child.remove());
    let next = this.list.firstElementChild;
    for (const child of wanted) {
      if (child === next) next = next.nextElementSibling;
      else this.list.insertBefore(child, next);
    }
  }

  #divider = (kind, words) => el("li", { class: `divider ${kind}` }, el("span", {}, words));

  /** What stands before the first message, and after the last. */
  #drawEnd(side) {
    if (this.#failed.has(side)) return;
    const words = side === "older" && !this.timeline.older ? this.beginningWords ?? "" : this.#growing.has(side) ? `Loading ${side} messages…` : "";
    const more = () => el("button", { type: "button", class: "small plain", id: side, on: { click: () => this.#grow(side) } }, side === "older" ? "Older messages" : "Newer messages");
    redraw(this.ends[side], words ? el("p", { class: "small quiet" }, words) : this.timeline[side] ? more() : null);
  }

  /** Reads what comes before the first message or after the last; not twice at once. */
  async #grow(side) {
    if (!this.timeline[side] || this.#growing.has(side)) return;
    this.#growing.add(side);
    this.#failed.delete(side);
    this.#drawEnd(side);
    try {
      await this.alone(async () => {
        const asked = this.timeline.now;
        const { messages } = this.timeline;
        const edge = side === "older" ? messages[0] : messages.at(-1);
        if (this.scope.closed || !this.timeline[side] || !edge) return;
        const page = await get(`${this.path}?around=${edge.id}&limit=${2 * STEP}`);
        const grown = side === "older" ? this.timeline.growOlder(page, asked) : this.timeline.growNewer(page, asked);
        if (!grown) this.readSoon();
      });
    } catch (error) {
      this.#failed.add(side);
      fill(this.ends[side], el("p", { class: "small bad-text", role: "alert" }, error.message), el("button", { type: "button", class: "small", on: { click: () => this.#grow(side) } }, "Try again"));
    }
    this.#growing.delete(side);
    if (this.scope.closed) return;
    this.draw();
    this.#moved();
  }

  /** After scrolling, drawing or coming back: what can be seen now. */
  #moved() {
    if (this.scroller.atEnd) this.#fresh = 0;
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
