// One record as people read it: what it says, under which topic, by whom, and what can be done with it.

import { el } from "/web/base/dom.js";
import { bytes } from "/web/base/format.js";
import { survives } from "../../logic/exact.js";
import { legible } from "../../logic/record.js";
import { visible } from "../../logic/visible.js";
import { addressLink, go, route, transactionLink, when } from "../../parts.js";
import { statusTag } from "../../status.js";
import { topicLink } from "../transactions.js";
import { receiptLink } from "./receipt.js";

const LONG = 4_000;

/** What a record says. Whatever its author wrote is shown as text, and long texts can be unfolded. */
export function says(record) {
  if (record.kind === "commitment") {
    return el("div", { class: "says private" }, el("p", {}, "Private: only the hash of salt and payload is here. Its author can show what it says."), el("code", {}, record.hash));
  }
  if (record.kind === "data") {
    const words = legible(record.data);
    return el("div", { class: "says" }, el("p", { class: "quiet" }, `${bytes(record.data.length / 2)} that are no record${words === null ? "" : ", as text"}:`), unfolded(words ?? record.data));
  }
  // Numbers that a browser would round, and whatever else it would not write again as it was, stay as they are.
  if (!survives(record.json)) return el("div", { class: "says" }, unfolded(record.json));
  const value = JSON.parse(record.json);
  if (typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0 && Object.values(value).every((part) => typeof part !== "object" || part === null)) {
    return el("dl", { class: "says members" }, Object.entries(value).map(([name, part]) => [el("dt", {}, visible(name)), el("dd", {}, unfolded(String(part)))]));
  }
  return el("div", { class: "says" }, unfolded(JSON.stringify(value, null, 2)));
}

function unfolded(written) {
  const words = visible(written);
  if (words.length <= LONG) return el("span", { class: "words-said" }, words);
  const shown = el("span", { class: "words-said" }, `${words.slice(0, LONG)}…`);
  const all = el("button", { type: "button", class: "small", on: { click: () => {
    shown.textContent = words;
    all.remove();
  } } }, "Show all of it");
  return [shown, all];
}

/**
 * A record in a list. `entry` has `id`, `topic`, `author`, `author_time`, `height` (absent while it waits) and `says`, as
 * `readFiled` or `readPayload` give it; `corrected` is the id of a record that takes its place, if one is known.
 */
export function recordCard(entry, corrected) {
  const { id, topic, author, author_time: time, height } = entry;
  const confirmed = height !== undefined;
  return el("article", { class: `card record${corrected ? " corrected" : ""}`, dataset: { record: id, topic } },
    el("div", { class: "row spread" },
      el("div", { class: "row" }, topicLink(topic), addressLink(author), when(time)),
      statusTag(id, confirmed ? { state: "confirmed", height } : { state: "pending" })),
    entry.says.corrects ? el("p", { class: "quiet" }, "Corrects ", transactionLink(entry.says.corrects), ", which stays where it is.") : null,
    corrected ? el("p", { class: "warn-text" }, "Corrected by ", transactionLink(corrected), ".") : null,
    says(entry.says),
    el("div", { class: "row actions" }, transactionLink(id, "Details"), confirmed ? receiptLink(id, height) : null,
      confirmed ? go(`${route("ledger", "add")}?corrects=${id}`, "Correct", { class: "button small", dataset: { correct: id } }) : null));
}
