// The verdict on a receipt, in words for somebody who has never heard of a chain. Only worded here; nothing is checked. Pure.

import { inWords } from "../amount.js";

/** Hashes that an ordinary computer tries in a second. */
const ORDINARY = 10_000_000;
const UNITS = [["year", 31_557_600], ["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];

/** How long an ordinary computer needs for so much work. */
export function effort(work) {
  const seconds = Number(work) / ORDINARY;
  const unit = UNITS.find(([, length]) => seconds >= length);
  if (!unit) return "less than a second";
  const count = Math.round(seconds / unit[1]);
  return `about ${count.toLocaleString("en", { useGrouping: false })} ${unit[0]}${count === 1 ? "" : "s"}`;
}

/** In UTC, so that a receipt reads the same everywhere. Milliseconds since 1970. */
export function date(ms) {
  const then = new Date(Number(ms));
  if (Number.isNaN(then.getTime()) || then.getUTCFullYear() > 9999) return `${ms} ms after 1970, which is no year that calendars reach`;
  return `${then.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

const blocks = (count) => (count === 1 ? "1 block" : `${count} blocks`);

function contents({ transaction, record }) {
  const { sender, transfer, data } = transaction;
  if (transfer) return { kind: "a payment", rows: [["from", sender], ["to", transfer.to], ["amount", inWords(transfer.amount)]] };
  const rows = [["topic", JSON.stringify(data.topic)], ["author", sender]];
  if (record.kind === "data") return { kind: "data that is no record", rows: [...rows, ["size", `${data.body.length} bytes`]] };
  if (record.corrects) rows.push(["corrects", `the record ${record.corrects}`]);
  if (record.kind === "record") return { kind: "a record", rows: [...rows, ["says", record.json]] };
  return { kind: "a private record, whose contents only its author can give", rows };
}

/**
 * What a report of `verify` comes to: `{ holds, words, rows, left }`. `rows` are names and values of what the receipt shows;
 * `left` what the reader has to compare with another source.
 */
export function verdict({ steps, shows }, receipt, wanted) {
  if (!shows) {
    const failed = steps.find((step) => step.outcome === "bad");
    const words = `The receipt does not hold. The question that it fails at: ${failed?.question ?? ""} Do not rely on anything in it.`;
    return { holds: false, words, rows: [], left: [] };
  }
  const unchecked = steps.some((step) => step.outcome === "unchecked");
  const { kind, rows } = contents(shows);
  const words = unchecked
    ? `What this browser can check holds: it would show ${kind}. Have the signatures checked by networkmngr verify before you rely on it.`
    : `The receipt holds. It shows ${kind}:`;
  rows.push(
    ["fee", inWords(shows.transaction.fee)],
    ["written", `${date(shows.transaction.time)}, as its author says`],
    ["transaction", shows.id],
    ["in the chain", `by block ${shows.height}, mined ${date(shows.time * 1000)}`],
    ["block", shows.block],
    ["on top", blocks(shows.onTop)],
  );
  const left = [];
  if (!wanted.genesis) left.push({ words: "Is that the network you mean? Anybody can start one. Its genesis block, to compare:", value: shows.genesis });
  if (!wanted.logKey) {
    left.push({
      words: `Is that the node you trust? Without its word the receipt rests on the work alone, which an ordinary computer can do in ${effort(shows.work)}. Its key, to compare:`,
      value: receipt.log_key,
    });
  }
  return { holds: !unchecked, words, rows, left };
}
