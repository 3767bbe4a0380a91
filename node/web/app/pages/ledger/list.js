// The ledger: topics, and the records of a search, newest first, with those that wait above.

import { get } from "/web/base/api.js";
import { el } from "/web/base/dom.js";
import { exactMembers } from "../../logic/exact.js";
import { readFiled, readPayload } from "../../logic/record.js";
import { checkAddress } from "../../logic/bech32m.js";
import { card, empty, field, form, go, heading, route } from "../../parts.js";
import { practising, session } from "../../server.js";
import { topicLink } from "../transactions.js";
import { recordCard } from "./entry.js";

const PAGE = 30;
const TOPICS = 200;
/** Up to this width the search is folded, so that records come first. */
const NARROW = 720;
const NAMES = ["topic", "author", "since", "until"];

/** The page `#/ledger`, with `?topic=&author=&since=&until=`; times in seconds since 1970. */
export function ledger(scope, _, query) {
  const search = new URLSearchParams(NAMES.map((name) => [name, query.get(name) ?? ""]).filter(([, value]) => value !== ""));
  let limit = PAGE;
  const topics = scope.region({
    id: "topics",
    load: () => get(`/records/topics?limit=${TOPICS}`),
    wants: ({ kind, event }) => kind === "event" && ["confirmed", "disconnected"].includes(event.event),
    show: ({ topics: found }) => (found.length === 0 ? el("p", { class: "quiet" }, "No topic yet: the first record makes one.") : el("div", { class: "row" }, found.map(topicLink))),
  });
  const records = scope.region({
    id: "records",
    load: async () => {
      const [page, pool] = await Promise.all([readRecords(`/records?limit=${limit}&${search}`), get("/transactions/pending?limit=200")]);
      return { ...page, waiting: waiting(pool.transactions, search) };
    },
    wants: ({ kind, event, changed }) => kind === "event" && (changed.length > 0 || event.event === "disconnected"),
    show: ({ records: found, waiting: first, next }) => {
      const entries = [...first, ...found];
      const corrected = new Map(entries.filter((entry) => entry.says.corrects).map((entry) => [entry.says.corrects, entry.id]).toReversed());
      return [
        entries.length === 0 ? card(null, nothing(search)) : entries.map((entry) => recordCard(entry, corrected.get(entry.id))),
        next ? el("button", { type: "button", id: "more-records", on: { click: () => {
          limit = Math.min(1000, limit + PAGE);
          records.again();
        } } }, "Show older") : null,
      ];
    },
  });
  return [
    heading("Ledger", go(addRoute(search), "Add a record", { id: "add-record", class: "button strong" }), go("#/check", "Check a receipt")),
    el("p", { class: "quiet" }, "Records are signed by their authors and stand in the chain for good. Nothing is ever edited: a record may correct another, and both stay."),
    card("Topics", topics), el("details", { class: "card", id: "search-records", open: search.size > 0 || window.innerWidth > NARROW }, el("summary", {}, "Search and export"), searchForm(search)), records,
  ];
}

const addRoute = (search) => `${route("ledger", "add")}${search.get("topic") ? `?${new URLSearchParams({ topic: search.get("topic") })}` : ""}`;

/** A page of records, what each says to the letter. */
async function readRecords(path) {
  const answer = await fetch(path).catch(() => null);
  // What is refused is asked again, for the words of the refusal.
  if (!answer?.ok) return get(path);
  const text = await answer.text();
  const texts = exactMembers(text, "record");
  const { records, next } = JSON.parse(text);
  return { records: records.map((filed, at) => ({ ...filed, says: readFiled(filed, texts[at]) })), next };
}

/** Records of the pool that the search would find, newest first. */
function waiting(transactions, search) {
  if (search.has("since") || search.has("until")) return [];
  const wanted = ({ sender, payload }) => payload.data && [null, payload.data.topic].includes(search.get("topic")) && [null, sender].includes(search.get("author"));
  return transactions.filter(wanted).map((found) => ({ id: found.id, topic: found.payload.data.topic, author: found.sender, author_time: found.time, says: readPayload(found.payload) })).toReversed();
}

const nothing = (search) => (search.size > 0
  ? empty("No record is like that. Look with fewer conditions.", go("#/ledger", "All records"), go(addRoute(search), "Add a record"))
  : empty("There are no records yet. A record can be anything: what was sold, who was there, a reading of a meter. A fee of a few units pays for it.", go("#/ledger/add", "Add the first record"), go("#/mine", "Mine, to have coins for the fee")));

function searchForm(search) {
  const topic = el("input", { id: "filter-topic", value: search.get("topic") ?? "", autocomplete: "off", maxlength: 64 });
  const author = el("input", { id: "filter-author", value: search.get("author") ?? "", autocomplete: "off", spellcheck: "false", class: "mono" });
  const since = el("input", { id: "filter-since", type: "datetime-local", step: "1", value: local(search.get("since")) });
  const until = el("input", { id: "filter-until", type: "datetime-local", step: "1", value: local(search.get("until")) });
  const authorBox = field("Author", author);
  const mine = session.account ? el("button", { type: "button", class: "small", id: "filter-mine", on: { click: () => { author.value = session.account.address; } } }, practising() ? "The practice account" : "Myself") : null;
  const files = ["csv", "jsonl"].map((kind) => go(`/records/export?${new URLSearchParams([["format", kind], ...search])}`, `Export ${kind === "csv" ? "CSV" : "JSON Lines"}`, { download: true, id: `export-${kind}`, class: "button small" }));
  return form("filter", [el("div", { class: "filters" }, field("Topic", topic), authorBox, field("Confirmed since", since), field("Confirmed until", until))], "Search", () => {
    const found = author.value.trim() === "" ? null : checkAddress(author.value);
    authorBox.hint("");
    if (found && found.state !== "good") {
      authorBox.hint(found.words, "bad-text");
      throw new Error("The author is an address, or left empty.");
    }
    const asked = { topic: topic.value, author: found?.address, since: seconds(since.value), until: seconds(until.value) };
    location.hash = `#/ledger?${new URLSearchParams(Object.entries(asked).filter(([, value]) => value))}`;
  }, { beside: [search.size > 0 ? go("#/ledger", "All records") : null, mine, ...files] });
}

/** Seconds since 1970 as the field for dates has them, in the reader's own time; and back. */
function local(seconds) {
  if (!/^\d{1,10}$/.test(seconds ?? "")) return "";
  const then = new Date(Number(seconds) * 1000);
  return new Date(then - then.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

const seconds = (typed) => (typed ? String(Math.floor(new Date(typed).getTime() / 1000)) : "");
