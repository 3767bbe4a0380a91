// What is written in a room and not sent yet, and what is being sent: kept until the node has answered for it. Pure.

const TAG = /^[0-9a-f]{32}$/;

/** One room's draft. `text` is what stands in the field, `reply` what it answers: `{ id, author, author_name, text }` or null. */
export class Draft {
  text = "";
  reply = null;
  /** What was sent and is not answered for: `{ tag, text, reply, lost }`, oldest first; `lost` if it has to be sent again, with the same tag. */
  sending = [];
  #own = new Set();

  /** From what `toString` gave before; an empty draft from anything else. */
  static from(kept) {
    const draft = new Draft();
    draft.join(kept);
    return draft;
  }

  toString() {
    return JSON.stringify({ text: this.text, reply: this.reply, sending: this.sending.map(({ tag, text, reply }) => ({ tag, text, reply })) });
  }

  get empty() {
    return this.text === "" && this.reply === null && this.sending.length === 0;
  }

  /** Takes what another page has kept of the same draft: what is written, and what that page is sending besides what is sent here. */
  join(kept) {
    const other = read(kept);
    this.text = String(other.text ?? "");
    this.reply = other.reply ?? null;
    const here = this.sending.filter(({ tag }) => this.#own.has(tag));
    const there = (Array.isArray(other.sending) ? other.sending.map(Object) : []).filter(({ tag }) => TAG.test(tag) && !this.#own.has(tag));
    this.sending = [...here, ...there.map(({ tag, text, reply }) => ({ tag, text: String(text), reply: reply ?? null, lost: true }))];
  }

  /** Whether anything has to be sent again. */
  get lost() {
    return this.sending.some(({ lost }) => lost);
  }

  /** Has what is written sent: the field is free for the next. `tag` is 32 random digits; with them nothing is said twice. */
  begin(tag) {
    this.sending.push({ tag, text: this.text, reply: this.reply, lost: this.lost });
    this.#own.add(tag);
    this.text = "";
    this.reply = null;
  }

  /** The next that is to be sent; null if there is none, or if what was lost goes before it. */
  get next() {
    return this.lost ? null : this.sending[0] ?? null;
  }

  /** The node has it. */
  done({ tag }) {
    this.sending = this.sending.filter((other) => other.tag !== tag);
  }

  /** Nobody answered: whether the node has it is not known, and what follows waits for it. */
  lose() {
    this.sending.forEach((entry) => { entry.lost = true; });
  }

  /** What was lost is to be sent again. */
  retry() {
    this.sending.forEach((entry) => { entry.lost = false; });
  }

  /** The first was refused. It is written again, with what was to follow it, before what was written since. */
  fail() {
    this.text = [...this.sending.map(({ text }) => text), this.text].filter(Boolean).join("\n");
    this.reply = this.sending.find(({ reply }) => reply)?.reply ?? this.reply;
    this.sending = [];
  }
}

function read(kept) {
  try {
    return Object(JSON.parse(kept));
  } catch {
    // Nothing was kept, or it cannot be read.
    return {};
  }
}

/** Under which name the browser keeps the draft of an account for a room. */
export const draftName = (address, room) => `chat-draft ${address} ${room}`;
