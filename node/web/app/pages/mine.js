// Mining: one block, or without end; and how fast.

import { post } from "/web/base/api.js";
import { button, el, fill, notice, text } from "/web/base/dom.js";
import { hashRate, whole as digits } from "/web/base/format.js";
import { live, look } from "../live.js";
import { addressLink, amount, blockLink, card, field, form, heading } from "../parts.js";
import { administer, practising, session } from "../server.js";
import { blockTable, moves, readBlocks } from "./blocks.js";

const NEWEST = 5;

/** The page `#/mine`. */
export function mine(scope) {
  const found = el("div", { id: "mined", "aria-live": "polite" });
  const once = button("Mine one block", () => mineOnce(found), { class: "main", id: "mine-once" });
  const state = el("p", { id: "mining-state", "aria-live": "polite" });
  const cap = el("p", { class: "quiet", id: "cap-state" });
  const start = button("Start mining", () => change("/mining/start"), { id: "mining-start" });
  const stop = button("Stop mining", () => change("/mining/stop"), { id: "mining-stop" });
  const draw = () => {
    const { health } = live;
    if (!health) return;
    text(state, health.mining ? "This node is mining: it tries hashes until one is low enough, and begins anew on every new tip." : "This node is not mining.");
    state.dataset.mining = health.mining;
    start.setAttribute("aria-pressed", String(health.mining));
    text(cap, health.hash_rate === null ? "It mines as fast as this machine can." : `It tries at most ${hashRate(health.hash_rate)}.`);
  };
  scope.hear(({ kind }) => {
    if (kind === "health") draw();
  });
  draw();
  const newest = scope.region({ load: () => readBlocks(null, NEWEST), wants: moves, show: ({ blocks }) => blockTable(blocks) });
  return [
    heading("Mine"),
    card("One block", el("p", {}, "The node asks its peers for better chains first, then proves work on the tip. The answer comes once it has found the proof, or another node was faster."),
      rewardee(), el("div", { class: "row" }, once), found),
    card("Without end", state, el("div", { class: "row" }, start, stop), cap, rateForm()),
    card("Newest blocks", newest),
  ];
}

/** Whose the rewards are, where that is known. */
function rewardee() {
  const miner = session.named.find((account) => account.name === "miner");
  if (!miner) return el("p", { class: "quiet" }, "Rewards go to the account that the node was started with: its own miner's, unless --miner named another.");
  return el("p", { class: "quiet" }, "Unless the node was started with another --miner, rewards go to ", addressLink(miner.address), practising() ? ", an account that everybody who reaches this node may spend from. " : ". ",
    el("a", { href: "#/wallet" }, "To the wallet"));
}

async function mineOnce(place) {
  fill(place, el("p", { class: "quiet" }, "Looking for a proof of work…"));
  try {
    const { height, hash, coinbase, transactions } = await post("/mine");
    fill(place, el("p", { class: "good-text", dataset: { mined: hash } }, "Mined block ", blockLink(hash, digits(height)), `: ${transactions.length === 0 ? "no transactions" : `${digits(transactions.length)} confirmed`}, reward `, amount(coinbase.reward), "."));
  } catch (error) {
    const { winner } = error.problem ?? {};
    if (!winner) {
      fill(place);
      throw error;
    }
    fill(place, el("p", { class: "warn-text", dataset: { lost: winner } }, error.message, " ", blockLink(winner, "Look at that block")));
  }
}

async function change(path) {
  const { mining } = await administer("POST", path);
  await look();
  notice(mining ? "Mining without end." : "Mining has stopped.");
}

function rateForm() {
  const rate = el("input", { id: "hash-rate", placeholder: "200k, 1.5M, or unlimited", autocomplete: "off", spellcheck: "false" });
  return form("hash-rate-form", [field("Most hashes in a second", rate, "It holds until the node ends.")], "Set the cap", async () => {
    const { hash_rate: now } = await administer("POST", "/hash-rate", { hash_rate: rate.value.trim() || "unlimited" });
    await look();
    notice(now === null ? "No cap any more." : `At most ${hashRate(now)} from now on.`);
    rate.value = "";
  });
}
