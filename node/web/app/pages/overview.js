// The first page: how the node is doing, its newest blocks, what is happening, and who it is.

import { get } from "/web/base/api.js";
import { el, fill } from "/web/base/dom.js";
import { count, hashRate, short, whole as digits } from "/web/base/format.js";
import { live } from "../live.js";
import { blockLink, card, empty, facts, go, heading, transactionLink, when, whole } from "../parts.js";
import { blockTable, moves, readBlocks } from "./blocks.js";

const BLOCKS = 8;
const FEED = 40;

/** What happened lately, newest first: `{ at, event }`, kept when another page is looked at. `at` is null if it is not known. */
const happened = [];

/** The page `#/`. */
export function overview(scope) {
  const figures = el("div", { class: "figures-row" });
  const draw = () => fill(figures, live.health ? cards(live.health) : null);
  const feed = el("ol", { class: "feed", id: "feed", "aria-live": "polite", "aria-label": "What is happening" });
  const drawFeed = () => fill(feed, happened.length > 0 ? happened.map(entry) : el("li", { class: "quiet" }, "What happens from now on appears here: blocks, payments, records, reorganisations."));
  scope.hear(({ kind }) => {
    if (kind === "health") draw();
    if (kind === "event" || kind === "past") drawFeed();
  });
  draw();
  drawFeed();
  const newest = scope.region({
    load: () => readBlocks(null, BLOCKS),
    wants: moves,
    show: ({ tip, blocks }) => [
      blockTable(blocks, { brief: true }),
      tip === 0 ? empty("There is only the genesis block so far.", go("#/mine", "Mine the first block")) : el("p", {}, el("a", { href: "#/blocks" }, "All blocks")),
    ],
  });
  const identity = scope.region({
    load: async () => ({ node: await get("/node/id"), genesis: await get("/blocks/0"), log: await get("/log") }),
    wants: () => false,
    show: about,
  });
  return [
    heading("Overview"), figures,
    el("div", { class: "two" }, card("Newest blocks", newest), card("What is happening", feed)),
    card("This node", identity),
  ];
}

function cards({ height, tip, pending, peers, mining, hash_rate: rate }) {
  const figure = (key, value, words, href, under) => el("a", { class: "card figure", href, dataset: { figure: key } }, el("span", { class: "value number" }, value), el("span", { class: "quiet" }, words), el("small", { class: "mono quiet" }, under));
  return [
    figure("height", digits(height), "height of the chain", `#/block/${tip}`, `tip ${short(tip)}`),
    figure("pending", digits(pending), pending === 1 ? "transaction waits" : "transactions wait", "#/pool", pending > 0 ? "for the next block" : "nothing to do"),
    figure("peers", digits(peers), peers === 1 ? "peer" : "peers", "#/peers", peers > 0 ? "connected" : "alone: add one"),
    figure("mining", mining ? "mining" : "idle", "this node's miner", "#/mine", rate ? `cap ${hashRate(rate)}` : "no cap"),
  ];
}

function about({ node, genesis, log }) {
  return facts([
    ["Node", whole(node.id, "the node's id"), "node"],
    ["Answers at", el("code", {}, node.address), "http"],
    ["Reached by peers at", node.peer_addresses.length > 0 ? node.peer_addresses.map((address) => el("div", {}, whole(address, "the peer address"))) : null, "peer"],
    ["Network", whole(genesis.hash, "the genesis hash"), "genesis"],
    ["", el("small", { class: "quiet" }, "The hash of the genesis block is the network's identity. Compare it with others, and in receipts.")],
    ["Signs its log with", whole(log.key, "the log's key"), "log-key"],
    ["Signed so far", log.alarm ? el("span", { class: "bad-text", role: "alert" }, log.alarm) : log.signed
      ? `${count(log.signed.size, "transaction")}, up to block ${digits(log.signed.height)}`
      : `nothing yet: a block's log is signed once ${log.depth} blocks lie on top of it`, "signed"],
  ]);
}

/** Keeps an event that happened at this time (null if that is not known), if it is one that people want to hear of. */
export function note(event, at) {
  if (!sentence(event)) return;
  happened.unshift({ at, event });
  happened.length = Math.min(happened.length, FEED);
}

const entry = ({ at, event }) => el("li", { dataset: { event: event.event } }, el("span", { class: "quiet number" }, at === null ? "earlier" : when(at)), el("span", {}, sentence(event)));

function sentence(event) {
  switch (event.event) {
    case "connected": return ["Block ", blockLink(event.hash, digits(event.height)), ` joined the chain${event.transactions > 0 ? `, with ${count(event.transactions, "transaction")}` : ""}.`];
    case "disconnected": return ["Block ", blockLink(event.hash, digits(event.height)), " left the chain: what it confirmed is retracted."];
    case "reorganised": return [
      el("strong", {}, "Reorganisation: "), `after block ${digits(event.fork)}, ${count(event.left, "block")} up to `, blockLink(event.from), ` give way to ${event.joined} up to `,
      blockLink(event.to), `, which have more work. ${count(event.returned, "transaction")} ${event.returned === 1 ? "waits" : "wait"} again.`,
    ];
    case "side": return ["Block ", blockLink(event.hash, digits(event.height)), " was stored on a branch beside the chain."];
    case "pooled": return ["Transaction ", transactionLink(event.id), event.returned ? " waits again." : " waits to be mined."];
    case "dropped": return ["Transaction ", transactionLink(event.id), ` left the pool: ${event.reason}`];
    case "contradicted": return [el("strong", { class: "bad-text" }, "Alarm: "), "block ", blockLink(event.hash, digits(event.height)), " left the chain although this node signed its log up to it."];
    case "restarted": return "The node was started again.";
    case "penalty": return `A peer ${event.fault}${event.banned ? "; it is refused for a while" : ""}.`;
    case "orphan": return ["Somebody told of block ", el("code", {}, short(event.hash)), ", whose parent is not known here yet."];
    default: return null;
  }
}
