// The blocks of the active chain, newest first, by pages; and the rows that other pages list blocks with.

import { get } from "/web/base/api.js";
import { el } from "/web/base/dom.js";
import { whole } from "/web/base/format.js";
import { live } from "../live.js";
import { addressLink, amount, blockLink, card, empty, go, heading, when } from "../parts.js";

const PAGE = 20;

/** The `count` blocks up to this height, newest first, with the height of the tip. A height of null means the tip. */
export async function readBlocks(top, count) {
  if (top === null) top = (await get("/health")).height;
  const from = Math.max(0, top - count + 1);
  const { length, chain } = await get(`/chain?from=${from}&limit=${top - from + 1}`);
  return { tip: length - 1, blocks: chain.reverse() };
}

/** News after which a list of the newest blocks is another. */
export const moves = ({ kind, event }) => kind === "event" && ["connected", "disconnected"].includes(event.event);

/** A table of blocks; `brief` where there is little room. */
export function blockTable(blocks, { brief = false } = {}) {
  return el("div", { class: "scroll" }, el("table", { class: brief ? "list brief" : "list" },
    el("thead", {}, el("tr", {}, ["Height", "Hash", "Mined by", "Time"].map((words) => el("th", { scope: "col" }, words)),
      el("th", { scope: "col", class: "number" }, "Transactions"), el("th", { scope: "col", class: "number wide" }, "Reward"))),
    el("tbody", {}, blocks.map(row))));
}

function row({ height, hash, header, coinbase, transactions }) {
  return el("tr", { dataset: { block: hash, height } },
    el("td", { class: "number" }, el("a", { href: `#/block/${hash}` }, whole(height))),
    el("td", {}, blockLink(hash)),
    el("td", {}, height === 0 ? el("span", { class: "quiet" }, "the beginning") : addressLink(coinbase.miner)),
    el("td", {}, when(header.time * 1000)),
    el("td", { class: "number" }, whole(transactions.length)),
    el("td", { class: "number wide" }, amount(coinbase.reward)));
}

/** The page `#/blocks`, with `?top=HEIGHT` for older ones. */
export function blocks(scope, _, query) {
  const asked = query.get("top");
  const top = /^\d+$/.test(asked ?? "") ? Number(asked) : null;
  const region = scope.region({
    load: () => readBlocks(top, PAGE),
    wants: (news) => top === null && moves(news),
    show: ({ tip, blocks }) => [
      blocks.length > 0 ? card(null, blockTable(blocks)) : card(null, empty("The chain is not as high as that.", go("#/blocks", "To the newest"))),
      pager(blocks, top, tip),
      tip === 0 ? card(null, empty("This is the beginning: there is only the genesis block, which every node computes for itself.", go("#/mine", "Mine the first block"))) : null,
    ],
  });
  return [heading("Blocks"), el("p", { class: "quiet" }, "The chain that this node takes for the best, newest first."), region];
}

function pager(blocks, top, tip) {
  const lowest = blocks.at(-1)?.height ?? 0;
  const newer = top === null || top >= tip ? null : Math.min(tip, top + PAGE);
  return el("nav", { class: "row pager", "aria-label": "More blocks" },
    newer === null ? null : go(newer >= live.tip ? "#/blocks" : `#/blocks?top=${newer}`, "← Newer", { id: "newer" }),
    lowest > 0 ? go(`#/blocks?top=${lowest - 1}`, "Older →", { id: "older" }) : null,
    blocks.length > 0 ? el("span", { class: "quiet" }, `Heights ${whole(lowest)} to ${whole(blocks[0].height)} of ${whole(tip)}`) : null);
}
