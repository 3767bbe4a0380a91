// What waits to be mined, in the order in which it would be.

import { get } from "/web/base/api.js";
import { el } from "/web/base/dom.js";
import { count, whole as digits } from "/web/base/format.js";
import { card, empty, go, heading } from "../parts.js";
import { transactionTable } from "./transactions.js";

const SHOWN = 200;

/** The page `#/pool`. */
export function pool(scope) {
  const region = scope.region({
    load: () => get(`/transactions/pending?limit=${SHOWN}`),
    wants: ({ kind, event }) => kind === "event" && ["pooled", "dropped", "connected", "disconnected"].includes(event.event),
    show: ({ count: all, transactions }) => (all === 0
      ? card(null, empty("Nothing waits to be mined. A payment or a record would appear here until a block confirms it.", go("#/wallet/send", "Pay somebody"), go("#/ledger/add", "Add a record")))
      : card(`${count(all, "transaction")} ${all === 1 ? "waits" : "wait"}`, transactionTable(transactions, ({ id }) => [id, { state: "pending" }]),
        all > transactions.length ? el("p", { class: "quiet" }, `The first ${digits(transactions.length)} are shown.`) : null)),
  });
  return [
    heading("Pool", go("#/mine", "Mine a block")),
    el("p", { class: "quiet" }, "Transactions that this node has heard of and no block has confirmed, in the order in which it would mine them: the best fee for each byte first. Other nodes may know of more, or of less."),
    region,
  ];
}
