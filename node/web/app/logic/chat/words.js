// The chat's sentences: who somebody is, what state a message is in, what was asked for in a room, how much is written. Pure.

import { count, ends, whole } from "../../../base/format.js";
import { confirmations } from "../fates.js";
import { visible } from "../visible.js";

/** Bytes of UTF-8 that a message may have. */
export const LONGEST = 16_000;
/** Bytes left from which on they are told. */
const NEARLY = 1_000;
// Made once: to make one takes longer than to use it.
const LONG_DAY = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
/** Milliseconds between two messages of one author that stand together. */
const TOGETHER = 5 * 60_000;

/** A display name as it is shown; the ends of the address where there is none. */
export const called = (name, address) => (name ? visible(name).trim() || ends(address, 6) : ends(address, 6));

/** A room's name as it is shown. Those who cannot read it see that. */
export const roomName = (name) => (name === null ? "A room whose name you cannot read" : visible(name).trim() || "A room without a name");

/** What a node gives as a reason, as a sentence. */
export function sentence(reason) {
  const words = visible(reason).trim();
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;
}

/** `{ words, kind }` for a message's state, where `tip` is the chain's height, or 0 if it is not known. `kind` is a tag's colour. */
export function mark({ state, height, confirmations: told }, tip) {
  switch (state) {
    case "confirmed": return { words: `confirmed (${whole(Math.max(1, tip ? confirmations(height, tip) : told))})`, kind: "" };
    case "waiting": return { words: "waiting", kind: "warn" };
    case "pending": return { words: "pending", kind: "warn" };
    case "retracted": return { words: "retracted, on its way again", kind: "bad" };
    case "undecided": return { words: "undecided", kind: "bad" };
    default: return { words: String(state), kind: "" };
  }
}

/** What a room is to the account, where there is something to say. */
export const STANDINGS = {
  founding: { tag: "being founded", words: "The room waits for its first confirmation. What you write goes out right after it." },
  left: { tag: "left", words: "You left this room. What was written until then stays readable." },
  removed: { tag: "removed", words: "You were removed from this room. What was written until then stays readable." },
};

/** What somebody asked for in a room and the chain has not confirmed. */
export function asked({ what, member, name, history }) {
  const who = member ? called(what === "name" ? null : name, member) : "somebody";
  switch (what) {
    case "found": return "The room is founded";
    case "add": return `${who} joins${history === true ? ", and can read what was written before" : history === false ? ", and cannot read what was written before" : ""}`;
    case "remove": return `${who} is removed`;
    case "leave": return member ? `${who} leaves` : "You leave";
    case "admin": return `${who} becomes an admin`;
    case "no_admin": return `${who} is no admin any more`;
    case "name": return `The room is renamed to “${visible(name ?? "")}”`;
    case "rotate": return "The room gets a new key";
    default: return String(what);
  }
}

/** How much may still be written: `{ over, words }`, with words only near the limit. */
export function room(text) {
  const left = LONGEST - new TextEncoder().encode(text).length;
  if (left < 0) return { over: true, words: `${count(-left, "byte")} too many: a message has at most ${whole(LONGEST)}. Send it in parts.` };
  return { over: false, words: left < NEARLY ? `${count(left, "byte")} left` : "" };
}

/** A message in one line, for a list; at most so many characters. */
export function inShort(text, length = 120) {
  const line = visible(text).replace(/\s+/g, " ").trim();
  const letters = Array.from(line);
  return letters.length > length ? `${letters.slice(0, length - 1).join("")}…` : line;
}

/** Who says what in a list of rooms. */
export const lastSaid = (message) => `${message.mine ? "You" : called(message.author_name, message.author)}: ${inShort(message.text)}`;

/** Whether a message stands with the one before it, without saying again who wrote it. */
export const goesOn = (before, message) => Boolean(before) && before.author === message.author && !message.reply_to
  && Math.abs(message.time - before.time) < TOGETHER && dayOf(before.time) === dayOf(message.time);

/** A day as a key, in the reader's own time. */
export function dayOf(ms) {
  const day = new Date(ms);
  return `${day.getFullYear()}-${day.getMonth() + 1}-${day.getDate()}`;
}

/** A day as people name it. */
export function dayName(ms, now = Date.now()) {
  if (Number.isNaN(new Date(ms).getTime())) return "no date";
  if (dayOf(ms) === dayOf(now)) return "Today";
  const before = new Date(now);
  before.setDate(before.getDate() - 1);
  if (dayOf(ms) === dayOf(before.getTime())) return "Yesterday";
  return LONG_DAY.format(ms);
}

/** A safety number's groups of five. */
export const groups = (number) => number.split(/\s+/).filter(Boolean);
