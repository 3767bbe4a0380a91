// What is written in a room and not sent yet, and what is being sent: kept until the node has answered for it. Pure.

/** How many answered messages are remembered, so that they are not taken for others with the same words. */
const REMEMBERED = 20;

/** One room's draft. `text` is what stands in the field, `reply` what it answers: `{ id, author, author_name, text }` or null. */
export class Draft {
  text = "";
  reply = null;
  /** What was sent and is not answered for: `{ text, reply, at, lost }`, oldest first; `lost` if no answer will come any more. */
  sending = [];
  #known = [];

  /** From what `toString` gave before; an empty draft from anything else. */
  static from(kept) {
    const draft = new Draft();
    try {
      const { text, reply, sending, known } = JSON.parse(kept);
      draft.text = String(text ?? "");
      draft.reply = reply ?? null;
      // Whoever waited for the answers is gone.
      draft.sending = Array.isArray(sending) ? sending.map((entry) => ({ ...entry, lost: true })) : [];
      draft.#known = Array.isArray(known) ? known : [];
    } catch {
      // Nothing was kept, or it cannot be read.
    }
    return draft;
  }

  toString() {
    return JSON.stringify({ text: this.text, reply: this.reply, sending: this.sending, known: this.#known });
  }

  get empty() {
    return this.text === "" && this.reply === null && this.sending.length === 0;
  }

  /** Has what is written sent: the field is free for the next. Gives what is to be sent. */
  begin(at) {
    const entry = { text: this.text, reply: this.reply, at, lost: false };
    this.sending.push(entry);
    this.text = "";
    this.reply = null;
    return entry;
  }

  /** The node has it, under this id. */
  done(entry, id) {
    this.sending = this.sending.filter((other) => other !== entry);
    this.#known = [...this.#known, id].slice(-REMEMBERED);
  }

  /** It was refused: it is written again, before what was written since. */
  failed(entry) {
    if (!this.sending.includes(entry)) return;
    this.sending = this.sending.filter((other) => other !== entry);
    this.text = [entry.text, this.text].filter(Boolean).join("\n");
    this.reply = entry.reply ?? this.reply;
  }

  /**
   * What is being sent and is not among these messages yet: an event may tell of it before the answer comes, or the answer was
   * lost on the way.
   */
  unseen(messages) {
    const taken = new Set(this.#known);
    return this.sending.filter((entry) => {
      const found = messages.find(({ id, mine, text, time }) => mine && !taken.has(id) && text === entry.text && time >= entry.at);
      if (found) taken.add(found.id);
      return !found;
    });
  }

  /** Of what lost its answer, what the room has is sent, and the rest is written again. True if that changed anything. */
  settle(messages) {
    const lost = this.sending.filter((entry) => entry.lost);
    const unseen = this.unseen(messages);
    this.sending = this.sending.filter((entry) => !entry.lost || unseen.includes(entry));
    lost.filter((entry) => unseen.includes(entry)).toReversed().forEach((entry) => this.failed(entry));
    return lost.length > 0;
  }
}

/** Under which name the browser keeps the draft of an account for a room. */
export const draftName = (address, room) => `chat-draft ${address} ${room}`;
