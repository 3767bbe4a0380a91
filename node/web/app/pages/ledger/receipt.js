// The link to a transaction's receipt, which is there once six blocks lie on top of its own.

import { el } from "/web/base/dom.js";
import { hear, live } from "../../live.js";

/** Blocks on top before a node signs. */
const DEPTH = 6;

/** A link to download the receipt, or, until there is one, how many blocks are missing. */
export function receiptLink(id, height, look = "button small") {
  const made = el("a", { class: look, download: true, dataset: { receipt: id, height } });
  draw(made);
  return made;
}

function draw(link) {
  const missing = Number(link.dataset.height) + DEPTH - live.tip;
  const ready = missing <= 0;
  if (ready) link.setAttribute("href", `/transactions/${link.dataset.receipt}/receipt`);
  else link.removeAttribute("href");
  link.setAttribute("aria-disabled", String(!ready));
  link.dataset.ready = ready;
  const words = ready ? "Download the receipt" : `Receipt after ${missing} more ${missing === 1 ? "block" : "blocks"}`;
  if (link.textContent !== words) link.textContent = words;
}

hear((news) => {
  if (news.kind !== "state") document.querySelectorAll("[data-receipt]").forEach(draw);
});
