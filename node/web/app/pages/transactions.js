// Transactions in lists: what each does, in a line.

import { el } from "/web/base/dom.js";
import { bytes } from "/web/base/format.js";
import { readPayload } from "../logic/record.js";
import { visible } from "../logic/visible.js";
import { addressLink, amount, route, transactionLink } from "../parts.js";
import { statusTag } from "../status.js";

/** What a transaction does, as words and links: a payment, a record, or other data. */
export function deed({ payload }) {
  const { transfer, data } = payload;
  if (transfer) return ["pays ", amount(transfer.amount), " to ", addressLink(transfer.to)];
  const { kind } = readPayload(payload);
  const what = { record: "files a record", commitment: "files a private record", data: `files ${bytes(data.body.length / 2)} of data` }[kind];
  return [`${what} under `, topicLink(data.topic)];
}

/** A topic, which leads to its records. Whatever its author wrote, it is text. */
export const topicLink = (topic) => el("a", { class: "topic", href: `${route("ledger")}?${new URLSearchParams({ topic })}`, title: topic }, visible(topic));

/** A table of transactions as in the API's JSON. `fate(transaction)` gives `[id, fate]` for the tag. */
export function transactionTable(transactions, fate) {
  return el("div", { class: "scroll" }, el("table", { class: "list deeds" },
    el("thead", {}, el("tr", {}, ["Transaction", "From", "What"].map((words) => el("th", { scope: "col" }, words)), el("th", { scope: "col", class: "number wide" }, "Fee"), el("th", { scope: "col" }, "Status"))),
    el("tbody", {}, transactions.map((transaction) => el("tr", { dataset: { transaction: transaction.id } },
      el("td", {}, transactionLink(transaction.id)),
      el("td", {}, addressLink(transaction.sender)),
      el("td", { class: "deed" }, deed(transaction)),
      el("td", { class: "number wide" }, amount(transaction.fee)),
      el("td", {}, statusTag(...fate(transaction))))))));
}
