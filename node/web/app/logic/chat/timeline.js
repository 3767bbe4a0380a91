// A part of a room's messages, in the node's order, from pages of its history, from events and from answers: none is there twice. Pure.

/** Messages by which the part grows at once. */
export const STEP = 50;

/** Keeps what is known of one part of a room. Every change has a number; a page is told which one it was asked for at. */
export class Timeline {
  /** Oldest first. */
  messages = [];
  /** Whether a page was taken. */
  begun = false;
  /** Whether the room has messages before the first of these, and after the last. */
  older = false;
  newer = false;
  #changes = 0;
  #told = new Map();
  #known = new Set();

  /** To be noted before a page is asked for. Pages are asked for one after the other. */
  get now() {
    return this.#changes;
  }

  /** The message with this id, if it is in this part. */
  get(id) {
    return this.messages.find((message) => message.id === id);
  }

  /** Whether it was heard of, in this part or not. */
  knows(id) {
    return this.#known.has(id);
  }

  /** The id of one in the middle that the chain has: those around it are these. Undefined if it has none. */
  get middle() {
    return (this.messages.slice(0, Math.floor(this.messages.length / 2) + 1).findLast(onChain) ?? this.messages.find(onChain))?.id;
  }

  /** Takes a message that an event told. True if it was not heard of before. */
  take(message) {
    const isNew = !this.#known.has(message.id);
    this.#tell(message.id, message, isNew);
    const at = this.#place(message.id);
    if (at >= 0) this.messages[at] = message;
    else if (isNew && !this.newer) this.messages.push(message);
    return isNew;
  }

  /** Takes the answer to sending one's own. An event about the same message may have come before it and knows more. */
  answered(message) {
    if (!this.#known.has(message.id)) this.take(message);
  }

  /** Forgets one that was taken back. */
  drop(id) {
    this.#tell(id, null, false);
    this.messages = this.messages.filter((message) => message.id !== id);
  }

  /**
   * Takes a page `{ messages, next, previous }` (newest first), asked for at `asked`, in the place of what was there. What came meanwhile
   * stays. `first` (null if there is none) is the id of a message before which nothing is wanted, if the page has it.
   */
  replace(page, asked, first = null) {
    const list = this.#list(page, asked);
    const from = Math.max(0, list.findIndex(({ id }) => id === first));
    this.messages = list.slice(from);
    this.older = from > 0 || page.next !== null;
    this.#end(page.previous === null, asked);
    this.begun = true;
  }

  /** Takes the page around the first message, asked for at `asked`, for those before it. False if the page is about something else. */
  growOlder(page, asked) {
    const list = this.#list(page, asked);
    const at = list.findIndex(({ id }) => id === this.messages[0]?.id);
    if (at < 0) return false;
    this.messages = [...this.#strange(list.slice(Math.max(0, at - STEP), at)), ...this.messages];
    this.older = at > STEP || page.next !== null;
    this.#forget(asked);
    return true;
  }

  /** Takes the page around the last message, likewise, for those after it. */
  growNewer(page, asked) {
    const list = this.#list(page, asked);
    const after = list.findIndex(({ id }) => id === this.messages.at(-1)?.id) + 1;
    if (after === 0) return false;
    this.messages = [...this.messages, ...this.#strange(list.slice(after, after + STEP))];
    this.#end(after + STEP >= list.length && page.previous === null, asked);
    return true;
  }

  /** Lets go of what is farthest from a message (from the end, if there is no such), so that at most so many stay. */
  cut(id, most) {
    const count = this.messages.length;
    if (count <= most) return;
    const at = this.#place(id);
    const from = at < 0 ? count - most : Math.min(Math.max(0, at - Math.floor(most / 2)), count - most);
    this.messages = this.messages.slice(from, from + most);
    this.older ||= from > 0;
    this.newer ||= from + most < count;
  }

  /** A page, oldest first, with what was told since it was asked for. */
  #list({ messages }, asked) {
    const list = messages.toReversed().map((message) => (this.#since(message.id, asked) ? this.#told.get(message.id).message : message));
    const there = list.filter((message) => message !== null);
    there.forEach(({ id }) => this.#known.add(id));
    return there;
  }

  /** At the room's end stands what was told since the page that has the end was asked for. */
  #end(isEnd, asked) {
    this.newer = !isEnd;
    const later = [...this.#told.values()].filter(({ message, isNew, at }) => isEnd && at > asked && isNew && message);
    this.messages = [...this.messages, ...this.#strange(later.map(({ message }) => message))];
    this.#forget(asked);
  }

  #place = (id) => this.messages.findIndex((message) => message.id === id);
  #since = (id, asked) => (this.#told.get(id)?.at ?? 0) > asked;

  #strange(messages) {
    const here = new Set(this.messages.map(({ id }) => id));
    return messages.filter(({ id }) => !here.has(id));
  }

  #tell(id, message, isNew) {
    this.#changes += 1;
    this.#told.set(id, { message, isNew: isNew || this.#told.get(id)?.isNew === true, at: this.#changes });
    this.#known.add(id);
  }

  /** What was told before a page was asked for is in all pages from then on. */
  #forget(asked) {
    this.#told.forEach(({ at }, id) => at <= asked && this.#told.delete(id));
  }
}

const onChain = ({ state }) => state === "confirmed";

/**
 * The id of the first of so many messages of others at the end of a list (oldest first); null if there is none, or if the list does not
 * reach back to it.
 */
export function firstUnread(messages, count) {
  if (count === 0) return null;
  return messages.filter((message) => !message.mine).at(-count)?.id ?? null;
}
