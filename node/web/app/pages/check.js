// Checking a receipt in this browser, offline: each step is told as it is done, and the first that fails ends it.

import { get } from "/web/base/api.js";
import { button, el, fill } from "/web/base/dom.js";
import { bytes } from "/web/base/format.js";
import { unhex, utf8 } from "../logic/bytes.js";
import { MAX_BYTES, readReceipt } from "../logic/receipt/read.js";
import { verdict } from "../logic/receipt/verdict.js";
import { verify } from "../logic/receipt/verify.js";
import { visible } from "../logic/visible.js";
import { card, copyButton, facts, field, heading } from "../parts.js";

const MARKS = { good: "✓", bad: "✗", open: "?", unchecked: "–" };
const SPOKEN = { good: "Holds:", bad: "Fails:", open: "Not compared:", unchecked: "Not checked here:" };

/** The page `#/check`. */
export function check() {
  const steps = el("ol", { class: "steps", id: "steps", "aria-live": "polite" });
  const said = el("div", { id: "verdict", class: "stack", "aria-live": "polite" });
  const result = el("section", { class: "card stack", hidden: true }, said, steps);
  const known = knownFields(() => run());
  let file = null;
  let turn = 0;

  const run = async () => {
    if (!file) return;
    turn += 1;
    const mine = turn;
    result.hidden = false;
    fill(steps);
    fill(said, el("p", { class: "quiet" }, `Checking ${file.name}…`));
    delete said.dataset.holds;
    try {
      const wanted = await known.read();
      const receipt = readReceipt(file.text);
      const report = await verify(receipt, wanted, (step) => {
        if (mine === turn) steps.append(line(step));
      });
      if (mine === turn) conclude(said, verdict(report, receipt, wanted));
    } catch (error) {
      if (mine === turn) refuse(said, file.name, error);
    }
  };
  const take = async (chosen) => {
    if (!chosen) return;
    file = chosen.size > MAX_BYTES ? { name: chosen.name, text: " ".repeat(MAX_BYTES + 1) } : { name: chosen.name, text: await chosen.text() };
    await run();
  };
  return [
    heading("Check a receipt"),
    el("p", { class: "quiet" }, "Everything is worked out in this browser, and nobody is asked: neither this node nor any other. ", el("code", {}, "networkmngr verify FILE"), " goes through the same steps."),
    drop(take), result,
    el("details", { class: "card" }, el("summary", {}, "What you know from elsewhere (not needed)"), known.element),
  ];
}

function drop(take) {
  const input = el("input", { id: "receipt-file", type: "file", accept: ".json,application/json" });
  input.addEventListener("change", () => {
    take(input.files[0]);
    // The same file can be chosen again, after it was changed.
    input.value = "";
  });
  const zone = el("div", { class: "drop", id: "drop" }, el("label", { for: input.id }, "Drop a receipt here, or choose its file", input));
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
  return zone;
}

const line = ({ question, outcome, sentence }) => el("li", { class: `step ${outcome}`, dataset: { outcome, question } },
  el("span", { class: "mark", "aria-hidden": "true" }, MARKS[outcome]), el("span", { class: "only-spoken" }, SPOKEN[outcome]),
  el("div", {}, el("strong", {}, question), el("div", {}, visible(sentence))));

function conclude(said, { holds, words, rows, left }) {
  said.dataset.holds = String(holds);
  fill(said,
    el("h2", { class: holds ? "good-text" : rows.length > 0 ? "warn-text" : "bad-text" }, words),
    rows.length > 0 ? facts(rows.map(([name, value]) => [name, el("span", { class: "words-said" }, visible(value)), name])) : null,
    left.length > 0 ? el("div", { class: "stack left" }, el("h3", {}, "What is left to you, from another source than this file"),
      left.map(({ words: question, value }) => el("div", {}, el("p", {}, question), el("code", {}, value), copyButton(value, "this")))) : null);
}

function refuse(said, name, error) {
  said.dataset.holds = "false";
  fill(said, el("h2", { class: "bad-text" }, `${name}: ${error.message}`), el("p", { class: "quiet" }, "Choose a file that a node gave as a receipt, under “Download the receipt”."));
}

/** What somebody may know from elsewhere: genesis block, log key, and what a private record says. */
function knownFields(changed) {
  const genesis = el("input", { id: "known-genesis", class: "mono", autocomplete: "off", spellcheck: "false" });
  const logKey = el("input", { id: "known-log-key", class: "mono", autocomplete: "off", spellcheck: "false" });
  const salt = el("input", { id: "known-salt", class: "mono", autocomplete: "off", spellcheck: "false" });
  const payload = el("textarea", { id: "known-payload", class: "mono", spellcheck: "false", rows: 3 });
  const opening = el("input", { id: "opening-file", type: "file", accept: ".json,application/json" });
  const told = el("small", { class: "quiet", "aria-live": "polite" });
  let payloadFrom = null;
  [genesis, logKey, salt].forEach((input) => input.addEventListener("change", changed));
  payload.addEventListener("change", () => {
    payloadFrom = null;
    changed();
  });
  opening.addEventListener("change", async () => {
    const file = opening.files[0];
    opening.value = "";
    if (!file) return;
    try {
      const found = JSON.parse(await file.text());
      if (typeof found.salt !== "string" || typeof found.payload !== "string") throw new Error("it has no salt and payload");
      salt.value = found.salt;
      payload.value = found.payload;
      payloadFrom = found.payload;
      told.textContent = `${file.name}: salt and ${bytes(utf8(found.payload).length)} of payload.`;
      changed();
    } catch (error) {
      told.textContent = `${file.name} is no saved opening: ${error.message}.`;
    }
  });
  const own = button("Take this node's", async () => {
    const [block, log] = [await get("/blocks/0"), await get("/log")];
    genesis.value = block.hash;
    logKey.value = log.key;
    changed();
  }, { id: "known-own" });
  const read = async () => {
    const wanted = { genesis: genesis.value.trim() || undefined, logKey: logKey.value.trim() || undefined };
    if (salt.value.trim() === "") return wanted;
    const bytes = unhex(salt.value.trim());
    if (bytes?.length !== 32) throw new Error("The salt has 64 hexadecimal digits");
    return { ...wanted, opening: { salt: bytes, payload: utf8(payloadFrom ?? payload.value) } };
  };
  const element = el("div", { class: "stack" },
    field("Genesis hash of the network", genesis), field("Key of the node's log", logKey), el("div", { class: "row" }, own, el("small", { class: "quiet" }, "If you trust the node that this page comes from.")),
    el("h3", {}, "Of a private record"), field("Salt and record, as saved when it was filed", opening), told, field("Salt", salt), field("What it says, to the letter", payload));
  return { element, read };
}
