// Tags that tell what became of a transaction, wherever they stand: pending, confirmed (n), retracted, dropped.

import { el, text } from "/web/base/dom.js";
import { inWords } from "./logic/fates.js";
import { hear, live } from "./live.js";

/** A tag for a transaction; `fate` is what the answer that it was read from said of it. */
export function statusTag(id, fate = {}) {
  const made = el("span", { class: "tag", dataset: { statusOf: id, state: fate.state ?? "", height: fate.height ?? "" } });
  draw(made);
  return made;
}

/** A tag for a block of the active chain, or one that mined it: the same words, without a transaction. */
export const heightTag = (height) => statusTag("", { state: "confirmed", height });

function fateOf({ dataset }) {
  const told = { state: dataset.state || undefined, height: Number(dataset.height) };
  return live.fates.of(dataset.statusOf) ?? told;
}

function draw(tag) {
  const fate = fateOf(tag);
  const { words, kind } = inWords(fate, live.tip);
  text(tag, words);
  tag.className = `tag ${kind}`;
  tag.title = fate.reason ?? "";
  tag.dataset.status = fate.state ?? "unknown";
}

/** Draws all tags again as news come. */
export function keepTags() {
  hear((news) => {
    if (news.kind !== "state") document.querySelectorAll("[data-status-of]").forEach(draw);
  });
}
