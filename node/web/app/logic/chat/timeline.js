// A room's messages in the node's order, from pages of its history, from events and from answers: none is there twice. Pure.

/** Keeps what is known of one room's messages. Every change has a number; a page is told which one it was asked for at. */
export class Timeline {
  /** Oldest first. */
  messages = [];
  /** Where the history goes on before the first message; null if there is no more, undefined before a page is known. */
  before = undefined;
  #changes = 0;
  #touched = new Map();

  /** To be noted before a page is asked for. */
  get now() {
    return this.#changes;
  }

  /** The message with this id. */
  get(id) {
    return this.messages.find((message) => message.id === id);
  }

  /** The newest one; undefined if there is none. */
  get newest() {
    return this.messages.at(-1);
  }

  /** Takes a message that an event told. True if it was not known before. */
  take(message) {
    this.#touch(message.id);
    const at = this.#place(message.id);
    if (at < 0) this.messages.push(message);
    else this.messages[at] = message;
    return at < 0;
  }

  /** Takes the answer to sending one's own. An event about the same message may have come before it and knows more. */
  answered(message) {
    if (this.#place(message.id) < 0) this.take(message);
  }

  /** Forgets one that was taken back. */
  drop(id) {
    this.#touch(id);
    this.messages = this.messages.filter((message) => message.id !== id);
  }

  /**
   * Takes the newest page `{ messages, next }` (newest first), asked for at `asked`. What came meanwhile stays, and so does
   * what is older, if the page reaches back to it.
   */
  newestPage({ messages, next }, asked) {
    const page = messages.toReversed().filter((message) => !this.#gone(message.id, asked));
    const inPage = new Set(page.map((message) => message.id));
    const first = this.messages.findIndex((message) => inPage.has(message.id));
    const reaches = first >= 0 && this.before !== undefined && next !== null;
    const older = reaches ? this.messages.slice(0, first).filter((message) => !inPage.has(message.id)) : [];
    const oldest = new Set(older.map((message) => message.id));
    const later = this.messages.filter(({ id }) => !inPage.has(id) && !oldest.has(id) && this.#since(id, asked));
    this.messages = [...older, ...page.map((message) => this.#fresher(message, asked)), ...later];
    if (!reaches) this.before = next;
  }

  /** Takes the page that was asked for with `before`, as it was at `asked`. */
  olderPage({ messages, next }, asked) {
    const known = new Set(this.messages.map((message) => message.id));
    const page = messages.toReversed().filter(({ id }) => !known.has(id) && !this.#since(id, asked));
    this.messages = [...page, ...this.messages];
    this.before = next;
  }

  #place = (id) => this.messages.findIndex((message) => message.id === id);
  #since = (id, asked) => (this.#touched.get(id) ?? 0) > asked;
  #gone = (id, asked) => this.#since(id, asked) && this.#place(id) < 0;
  #fresher = (message, asked) => (this.#since(message.id, asked) ? this.get(message.id) : message);

  #touch(id) {
    this.#changes += 1;
    this.#touched.set(id, this.#changes);
  }
}

/**
 * The id of the first of so many messages of others at the end of a list (oldest first); null if there is none, or if the list does not
 * reach back to it.
 */
export function firstUnread(messages, count) {
  if (count === 0) return null;
  return messages.filter((message) => !message.mine).at(-count)?.id ?? null;
}
