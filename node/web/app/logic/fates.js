// What became of transactions, as the node's events tell it: pending, confirmed, retracted, dropped. Pure.

const KEPT = 5_000;

/** Follows the events of one node. */
export class Fates {
  #fates = new Map();

  /**
   * Takes an event. Gives the ids of the transactions whose fate it changed; null if all that is known may have changed, and
   * is to be asked for again.
   */
  take(event) {
    switch (event.event) {
      case "pooled": return this.#set(event.id, { state: "pending", returned: event.returned });
      case "confirmed": return this.#set(event.id, { state: "confirmed", block: event.block, height: event.height });
      case "dropped": return this.#set(event.id, { state: "dropped", reason: event.reason });
      case "disconnected": {
        const left = [...this.#fates].filter(([, fate]) => fate.state === "confirmed" && fate.block === event.hash);
        return left.flatMap(([id, fate]) => this.#set(id, { state: "retracted", block: fate.block, height: fate.height }));
      }
      case "restarted":
      case "gap":
        this.#fates.clear();
        return null;
      default: return [];
    }
  }

  /** Notes what the node answered about a transaction, unless events told more. */
  learn(id, fate) {
    if (!this.#fates.has(id)) this.#set(id, fate);
  }

  /** `{ state, block, height, reason, returned }` as far as they apply; undefined if nothing is known. */
  of(id) {
    return this.#fates.get(id);
  }

  #set(id, fate) {
    this.#fates.delete(id);
    this.#fates.set(id, fate);
    if (this.#fates.size > KEPT) this.#fates.delete(this.#fates.keys().next().value);
    return [id];
  }
}

/** Blocks from that height to the tip, both counted; 0 if it is above. */
export const confirmations = (height, tip) => Math.max(0, tip - height + 1);

/** The words for a fate, `{ words, kind }`; `kind` is a tag's colour. */
export function inWords(fate, tip) {
  switch (fate?.state) {
    case "confirmed": {
      const count = confirmations(fate.height, tip);
      return { words: `confirmed (${count})`, kind: count >= 7 ? "good" : "" };
    }
    case "retracted": return { words: "retracted", kind: "bad" };
    case "dropped": return { words: "dropped", kind: "bad" };
    case "pending": return { words: fate.returned ? "pending again" : "pending", kind: "warn" };
    default: return { words: "unknown", kind: "" };
  }
}

/**
 * An account's history as one list, newest first: what waits, what went wrong, and what is confirmed. `entries` are those of
 * the chain, `pending` rows of what waits, `remembered` rows seen before (by id), which stay as retracted or dropped when the
 * chain and the pool have them no more and `fates` says why. Rows have `id`; those of the chain keep their fields.
 */
export function merged(entries, pending, remembered, fates) {
  const confirmed = new Set(entries.map((entry) => entry.id).filter(Boolean));
  const waiting = pending.filter((row) => !confirmed.has(row.id));
  const known = new Set([...confirmed, ...waiting.map((row) => row.id)]);
  const lost = [...remembered.values()].filter((row) => !known.has(row.id) && ["retracted", "dropped"].includes(fates.of(row.id)?.state));
  return [...waiting.toReversed(), ...lost.toReversed(), ...entries];
}
