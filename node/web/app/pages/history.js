// What an address sent, received, filed and mined, as rows: what waits and what was retracted above what is confirmed.

import { get } from "/web/base/api.js";
import { el } from "/web/base/dom.js";
import { bytes, whole as digits } from "/web/base/format.js";
import { merged } from "../logic/fates.js";
import { live } from "../live.js";
import { addressLink, amount, blockLink, empty, route, transactionLink, when } from "../parts.js";
import { heightTag, statusTag } from "../status.js";
import { topicLink } from "./transactions.js";

const PAGE = 50;
/** Transactions that wait of which details are asked for. */
const WAITING = 20;

/** A live list for an address. `nothing` is shown when there is nothing yet. */
export function historyRegion(scope, address, nothing) {
  const remembered = new Map();
  let limit = PAGE;
  const region = scope.region({
    id: "history",
    load: async () => {
      const [account, history] = await Promise.all([get(`/accounts/${address}`), get(`/accounts/${address}/history?limit=${limit}`)]);
      const found = await Promise.all(account.pending.transactions.slice(0, WAITING).map((id) => get(`/transactions/${id}`).catch(() => null)));
      const waiting = found.filter((place) => place?.status === "pending").map(({ transaction }) => asEntry(address, transaction));
      const rows = merged(history.entries, waiting, remembered, live.fates);
      for (const row of rows) if (row.id) remembered.set(row.id, asLost(row));
      return { rows, more: Boolean(history.next), unseen: account.pending.count - waiting.length };
    },
    wants: ({ kind, event, changed }) => kind === "event" && (changed.length > 0 || ["connected", "disconnected"].includes(event.event)),
    show: ({ rows, more, unseen }) => (rows.length === 0 ? nothing() : [
      unseen > 0 ? el("p", { class: "quiet" }, `${digits(unseen)} more wait and are not shown.`) : null,
      table(rows),
      more ? el("button", { type: "button", id: "more-history", on: { click: () => {
        limit = Math.min(1000, limit + PAGE);
        region.again();
      } } }, "Show older") : null,
    ]),
  });
  return region;
}

/** A transaction from the pool as a row of a history. */
function asEntry(address, { id, sender, fee, time, payload: { transfer, data } }) {
  const common = { id, author_time: time, fee, state: "pending" };
  if (data) return { ...common, kind: "filed", topic: data.topic, bytes: data.body.length / 2 };
  const kind = sender !== address ? "received" : transfer.to === address ? "moved" : "sent";
  return { ...common, kind, from: sender, to: transfer.to, amount: transfer.amount };
}

/** The row without its place in the chain, for when it has none any more. */
const asLost = ({ height: _, block: __, confirmations: ___, time: ____, ...row }) => ({ ...row, state: "retracted" });

function table(rows) {
  return el("div", { class: "scroll" }, el("table", { class: "list history" },
    el("thead", {}, el("tr", {}, ["When", "What"].map((words) => el("th", { scope: "col", class: words === "When" ? "wide" : null }, words)), el("th", { scope: "col", class: "number" }, "Amount"), el("th", { scope: "col" }, "Status"), el("th", { scope: "col", class: "wide" }, "Details"))),
    el("tbody", {}, rows.map(line))));
}

function line(row) {
  const confirmed = row.height !== undefined;
  const at = row.author_time ?? row.time * 1000;
  return el("tr", { dataset: { entry: row.kind, transaction: row.id ?? "", block: row.block ?? "" } },
    el("td", { class: "wide" }, when(at)),
    el("td", { class: "deed" }, what(row), el("small", { class: "narrow-only" }, el("a", { href: row.id ? route("transaction", row.id) : route("block", row.block) }, when(at)))),
    el("td", { class: "number" }, change(row)),
    el("td", {}, row.id ? statusTag(row.id, confirmed ? { state: "confirmed", height: row.height, block: row.block } : { state: row.state }) : heightTag(row.height)),
    el("td", { class: "wide" }, row.id ? transactionLink(row.id) : blockLink(row.block, `block ${digits(row.height)}`)));
}

function what(row) {
  switch (row.kind) {
    case "sent": return ["Sent to ", addressLink(row.to)];
    case "received": return ["Received from ", addressLink(row.from)];
    case "moved": return "Sent to itself";
    case "filed": return [`Filed ${bytes(row.bytes)} under `, topicLink(row.topic)];
    default: return ["Mined block ", blockLink(row.block, digits(row.height))];
  }
}

function change(row) {
  switch (row.kind) {
    case "sent": return el("span", { class: "out" }, amount(row.amount + row.fee, { sign: "−" }));
    case "received": return el("span", { class: "in" }, amount(row.amount, { sign: "+" }));
    case "mined": return el("span", { class: "in" }, amount(row.reward, { sign: "+" }));
    default: return el("span", { class: "out" }, amount(row.fee, { sign: "−" }));
  }
}

/** Balance and what is pending, as figures that change live. `account` is what `/accounts/ADDRESS` says. */
export function balance({ balance, pending }) {
  const figure = (key, words, units, under) => el("div", { class: "figure", dataset: { balance: key } }, el("span", { class: "quiet" }, words), el("span", { class: "value" }, amount(units)), under ? el("small", { class: "quiet" }, under) : null);
  return el("div", { class: "balance" },
    figure("confirmed", "Balance", balance, "confirmed"),
    pending.outgoing > 0 || pending.incoming > 0 ? figure("spendable", "Spendable", pending.spendable, "without what is on its way") : null,
    pending.outgoing > 0 ? figure("outgoing", "On its way out", pending.outgoing, "fees included") : null,
    pending.incoming > 0 ? figure("incoming", "On its way in", pending.incoming, "to spend once confirmed") : null);
}

/** A region with an address's balance. */
export const balanceRegion = (scope, address) => scope.region({
  id: "balance",
  load: () => get(`/accounts/${address}`),
  wants: ({ kind, event, changed }) => kind === "event" && (changed.length > 0 || ["connected", "disconnected"].includes(event.event)),
  show: balance,
});

/** For an address that nothing happened to. */
export const nothingYet = (...actions) => () => empty("Nothing happened here yet. Coins come from mining or from somebody who pays.", ...actions);
