// The link to a transaction's receipt, which is there once six blocks lie on top of its own.

import { el, notice } from "/web/base/dom.js";
import { hear, live } from "../../live.js";

/** Blocks on top before a node signs. */
const DEPTH = 6;

/** A link to download the receipt, or, until there is one, how many blocks are missing. */
export function receiptLink(id, height, look = "button small") {
  const made = el("a", { class: look, download: true, dataset: { receipt: id, height }, on: { click: (event) => fetched(event, made) } });
  draw(made);
  return made;
}

/** Asks first: a node whose chain has contradicted its signature gives none, and says so. */
async function fetched(event, link) {
  event.preventDefault();
  if (!link.hasAttribute("href")) return;
  try {
    const answer = await fetch(link.getAttribute("href"));
    if (!answer.ok) throw new Error((await answer.json()).detail);
    const url = URL.createObjectURL(await answer.blob());
    const named = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "")?.[1];
    const saved = el("a", { href: url, download: named ?? "receipt.json" });
    saved.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (error) {
    notice(`No receipt: ${error.message} Another node may give one.`, "bad");
  }
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
