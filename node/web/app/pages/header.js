// A header's 80 bytes, each group of which explains itself when pointed at or chosen, and the check that they are what they
// claim, done in this browser.

import { el, fill } from "/web/base/dom.js";
import { hex, sha256d, shown } from "../logic/bytes.js";
import { coinbaseBytes, headerBytes, headerFields } from "../logic/header.js";
import { digits, target, work } from "../logic/work.js";

/** The view of a block's header. */
export function headerView({ height, hash, header, coinbase }) {
  const fields = headerFields(header);
  const groups = fields.map((field, index) => group(field, index));
  const rows = fields.map((field, index) => row(field, index));
  const told = el("p", { class: "told", id: "field-told", "aria-live": "polite" });
  const hint = "Point at some bytes, or choose them with the arrow keys, to see what they are.";
  let chosen = null;
  const light = (index) => {
    groups.forEach((made, at) => made.classList.toggle("lit", at === index));
    rows.forEach((made, at) => made.classList.toggle("lit", at === index));
    const field = fields[index];
    fill(told, field ? [el("strong", {}, field.name), ` — bytes ${field.at} to ${field.at + field.bytes.length - 1}. ${field.meaning}`] : hint);
  };
  const choose = (index) => {
    chosen = chosen === index ? null : index;
    groups.forEach((made, at) => made.setAttribute("aria-pressed", String(at === chosen)));
    light(chosen);
  };
  const move = (from, by) => {
    const next = Math.min(groups.length - 1, Math.max(0, from + by));
    groups.forEach((made, at) => made.setAttribute("tabindex", at === next ? "0" : "-1"));
    groups[next].focus();
  };
  groups.forEach((made, index) => {
    made.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step) move(index, step);
      else if (event.key === "Enter" || event.key === " ") choose(index);
      else return;
      event.preventDefault();
    });
    made.addEventListener("focus", () => light(index));
  });
  [groups, rows].forEach((list) => list.forEach((made, index) => {
    made.addEventListener("click", () => choose(index));
    made.addEventListener("mouseenter", () => light(index));
    made.addEventListener("mouseleave", () => light(chosen));
  }));
  light(null);
  return [
    el("div", { class: "bytes mono", role: "group", "aria-label": "The 80 bytes of the header" }, groups.flatMap((made) => [made, " "])),
    told,
    el("div", { class: "scroll" }, el("table", { class: "fields" },
      el("thead", {}, el("tr", {}, ["Bytes", "Field", "Value", "What it is"].map((words, at) => el("th", { scope: "col", class: at === 3 ? "wide" : null }, words)))),
      el("tbody", {}, rows))),
    proof({ height, hash, header, coinbase }),
  ];
}

const group = ({ name, bytes }, index) => el("span", { class: `group tint-${index}`, role: "button", tabindex: index === 0 ? "0" : "-1", "aria-pressed": "false", "aria-label": `${name}: ${hex(bytes)}`, dataset: { field: name } }, hex(bytes).match(/../g).join(" "));

const row = ({ name, at, bytes, value, meaning }, index) => el("tr", { dataset: { field: name } },
  el("td", { class: "number quiet" }, `${at}–${at + bytes.length - 1}`),
  el("td", {}, el("span", { class: `key tint-${index}` }, name)),
  el("td", { class: "mono value" }, value),
  el("td", { class: "wide quiet" }, meaning));

/** What this browser finds when it does the hashing itself. */
function proof({ height, hash, header, coinbase }) {
  const place = el("div", { class: "stack proof", id: "proof" }, el("p", { class: "quiet" }, "Hashing these bytes here…"));
  const line = (good, key, ...words) => el("p", { class: good ? "checked good" : "checked bad", dataset: { proof: key, holds: good } }, el("span", { "aria-hidden": "true" }, good ? "✓" : "✗"), el("span", {}, words));
  const hashing = async () => {
    const found = shown(await sha256d(headerBytes(header)));
    const committed = shown(await sha256d(coinbaseBytes(coinbase)));
    const wanted = target(parseInt(header.bits, 16));
    const isHash = found === hash;
    const isLow = BigInt(`0x${found}`) <= wanted;
    fill(place,
      el("h3", {}, "Checked in this browser"),
      line(isHash, "hash", "SHA-256 twice over these 80 bytes ", isHash ? "gives the block's hash:" : "gives another hash than the block's:"),
      el("code", { class: "hash" }, found),
      height === 0
        ? el("p", { class: "quiet" }, "The genesis block needs no work: it is valid because every node computes it for itself.")
        : [line(isLow, "work", isLow ? "The hash is not above the target that the bits stand for, so the work was done:" : "The hash is above the target that the bits stand for:"),
          el("code", { class: "hash" }, digits(wanted)),
          el("p", { class: "quiet" }, `To get below it takes ${Number(work(wanted)).toLocaleString("en", { maximumFractionDigits: 0 })} hashes on average.`)],
      line(committed === header.coinbase_hash, "coinbase", committed === header.coinbase_hash
        ? "The coinbase has the hash that the header commits to: miner, reward and the log of transactions are as this block was mined with."
        : "The coinbase has another hash than the header commits to."));
  };
  hashing().catch((error) => fill(place, el("p", { class: "quiet" }, error.message)));
  return place;
}
