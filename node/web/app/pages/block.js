// One block: its place in the chain, its header byte by byte, its coinbase and its transactions.

import { get } from "/web/base/api.js";
import { el } from "/web/base/dom.js";
import { count, whole as digits } from "/web/base/format.js";
import { live } from "../live.js";
import { addressLink, amount, blockLink, card, empty, facts, go, heading, when, whole } from "../parts.js";
import { heightTag } from "../status.js";
import { headerView } from "./header.js";
import { transactionTable } from "./transactions.js";

/** The page `#/block/HASH-OR-HEIGHT`. */
export function block(scope, [id = ""]) {
  let height = null;
  const region = scope.region({
    load: async () => {
      const block = await get(`/blocks/${encodeURIComponent(id)}`);
      height = block.height;
      const active = await get(`/blocks/${block.height}`).catch((error) => {
        if (error.status !== 404) throw error;
        return null;
      });
      const tip = live.health?.height ?? (await get("/health")).height;
      return { block, active: active?.hash ?? null, above: block.height < tip };
    },
    wants: ({ kind, event }) => kind === "event" && ["connected", "disconnected"].includes(event.event) && (height === null || event.height <= height + 1),
    show: draw,
    loading: heading("Block"),
    failed: (error) => (error.status === 404 || error.status === 400
      ? [heading("Block"), card(null, empty(`${error.message} It may come: this page looks again with every block.`, go("#/blocks", "To the blocks")))]
      : null),
  });
  return [region];
}

function draw({ block, active, above }) {
  const { height, hash, header, coinbase, transactions } = block;
  const inChain = active === hash;
  return [
    heading(`Block ${digits(height)}`, inChain ? (height === 0 ? el("span", { class: "tag good" }, "genesis") : heightTag(height)) : el("span", { class: "tag bad", dataset: { status: "stale" } }, "not in the chain"),
      height > 0 ? go(`#/block/${header.previous}`, "← Below", { id: "below" }) : null, inChain && above ? go(`#/block/${height + 1}`, "Above →", { id: "above" }) : null),
    inChain ? null : el("p", { class: "warn-text" }, "This block is stored here, but lies on a branch with less work: what it says does not count. ",
      active ? ["At its height the chain has ", blockLink(active), "."] : "The chain is not that high."),
    card(null, facts([
      ["Hash", whole(hash, "the block's hash"), "hash"],
      ["Below", height > 0 ? blockLink(header.previous, header.previous) : "nothing: every node computes this block for itself", "previous"],
      ["Time", when(header.time * 1000), "time"],
      ["Mined by", height > 0 ? addressLink(coinbase.miner) : "nobody", "miner"],
      ["Reward", height > 0 ? amount(coinbase.reward) : null, "reward"],
      ["The log after it", `${count(coinbase.log_size, "transaction")} in the whole chain`, "log"],
    ])),
    el("section", { class: "card stack", id: "header" }, el("h2", {}, "The header: 80 bytes that are hashed"), headerView(block)),
    card(`Transactions (${digits(transactions.length)})`, transactions.length > 0
      ? transactionTable(transactions, (transaction) => [transaction.id, inChain ? { state: "confirmed", height, block: hash } : {}])
      : el("p", { class: "quiet" }, "This block confirms no transaction. A miner earns the subsidy all the same.")),
  ];
}
