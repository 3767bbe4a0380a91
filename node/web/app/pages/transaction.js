// One transaction: what it does, where it is, and what becomes of it while one looks.

import { get } from "/web/base/api.js";
import { el, fill } from "/web/base/dom.js";
import { bytes, short, whole as digits } from "/web/base/format.js";
import { readPayload } from "../logic/record.js";
import { live } from "../live.js";
import { addressLink, amount, blockLink, card, empty, facts, go, heading, route, transactionLink, when, whole } from "../parts.js";
import { statusTag } from "../status.js";
import { says } from "./ledger/entry.js";
import { receiptLink } from "./ledger/receipt.js";
import { topicLink } from "./transactions.js";

/** The page `#/transaction/ID`. */
export function transaction(scope, [id = ""]) {
  const story = [];
  const list = el("ol", { class: "feed", id: "story", "aria-live": "polite" });
  const told = el("section", { class: "card stack", hidden: true }, el("h2", {}, "What became of it"), list);
  const tell = (state, ...words) => {
    story.push({ at: Date.now(), state, words });
    told.hidden = false;
    fill(list, story.map((line) => el("li", { dataset: { state: line.state } }, el("span", { class: "quiet number" }, when(line.at)), el("span", {}, line.words))));
  };
  scope.hear(({ kind, changed }) => {
    if (kind !== "event" || !changed.includes(id)) return;
    const fate = live.fates.of(id);
    if (fate.state === "pending") tell("pending", fate.returned ? "It waits again, to be mined once more." : "It waits to be mined.");
    if (fate.state === "confirmed") tell("confirmed", "Confirmed by block ", blockLink(fate.block, digits(fate.height)), ".");
    if (fate.state === "retracted") tell("retracted", "Retracted: block ", blockLink(fate.block, digits(fate.height)), " left the chain.");
    if (fate.state === "dropped") tell("dropped", `It left the pool: ${fate.reason}`);
  });
  const region = scope.region({
    load: () => get(`/transactions/${encodeURIComponent(id)}`),
    wants: ({ kind, changed, event }) => kind === "event" && (changed.includes(id) || event.event === "connected"),
    loading: heading("Transaction"),
    show: (place) => draw(id, place, told),
    failed: (error) => (error.status === 404 ? [heading(`Transaction ${short(id)}`, statusTag(id)), told, card(null, empty(
      `${error.message} It may still come: this page shows it as soon as the node hears of it.`, go("#/pool", "To the pool")))] : null),
  });
  return region;
}

function draw(id, place, told) {
  const { status, block, height, position, transaction } = place;
  const { sender, nonce, fee, time, payload, signature } = transaction;
  const { transfer, data } = payload;
  const record = readPayload(payload);
  const fate = status === "confirmed" ? { state: "confirmed", block, height } : { state: "pending" };
  const title = transfer ? "Payment" : { record: "Record", commitment: "Private record", data: "Data" }[record.kind];
  return [
    heading(title, statusTag(id, fate)),
    card(null, facts([
      ["Transaction", whole(id, "the transaction's id"), "id"],
      [transfer ? "From" : "Author", addressLink(sender), "sender"],
      transfer && ["To", addressLink(transfer.to), "to"],
      transfer && ["Amount", amount(transfer.amount), "amount"],
      data && ["Topic", topicLink(data.topic), "topic"],
      record?.corrects && ["Corrects", transactionLink(record.corrects, record.corrects), "corrects"],
      ["Fee", amount(fee), "fee"],
      ["Written", [when(time), " ", el("small", { class: "quiet" }, "as its author says")], "time"],
      ["Number", `${digits(nonce + 1)} of this account`, "nonce"],
      status === "confirmed" && ["In block", [blockLink(block, digits(height)), `, place ${digits(position + 1)}`], "block"],
      ["Signature", el("code", { class: "quiet" }, signature), "signature"],
      data && ["Size", bytes(data.body.length / 2), "size"],
    ])),
    told,
    data ? card("What it says", says(record)) : null,
    actions(id, { status, height, data }),
  ];
}

function actions(id, { status, height, data }) {
  if (status !== "confirmed") return card("Receipt", el("p", { class: "quiet" }, "There is a receipt once it is in a block with six others on top. Nothing has confirmed it yet."), go("#/mine", "Mine a block"));
  return card("Receipt",
    el("p", {}, "A receipt is one file that shows to anybody, offline, that this stands in the chain."),
    el("div", { class: "row" }, receiptLink(id, height, "button"), go(route("check"), "Check a receipt"), data ? go(`${route("ledger", "add")}?corrects=${id}`, "Correct it") : null));
}
