// Adding a record, from rows of a form or as JSON; correcting one; and keeping what proves a private one.

import { get } from "/web/base/api.js";
import { el, fill, notice } from "/web/base/dom.js";
import { short } from "/web/base/format.js";
import { fromUnits } from "../../logic/amount.js";
import { fromRows, readPayload } from "../../logic/record.js";
import { utf8 } from "../../logic/bytes.js";
import { addressLink, card, empty, field, form, go, heading, transactionLink, whole } from "../../parts.js";
import { act, onSession, practising, session } from "../../server.js";
import { statusTag } from "../../status.js";
import { says } from "./entry.js";

const MAX_TOPIC = 64;

/** The page `#/ledger/add`, with `?topic=` or `?corrects=ID` perhaps. */
export function addRecord(scope, _, query) {
  const place = el("div", { class: "stack" });
  let shownFor;
  const draw = () => {
    const whose = session.account?.address ?? null;
    if (whose === shownFor) return;
    shownFor = whose;
    fill(place, session.account ? adding(query) : card(null, empty(session.refusal?.status === 401 ? "A record is signed by its author: log in, or sign up." : session.refusal?.message ?? "No account is in use.", go("#/wallet/sign-up", "Sign up"), go("#/wallet/log-in", "Log in"))));
  };
  scope.finally(onSession(draw));
  draw();
  return [heading(query.get("corrects") ? "Correct a record" : "Add a record", go("#/ledger", "To the ledger")), place];
}

function adding(query) {
  const corrects = query.get("corrects");
  const filed = el("section", { class: "card stack", id: "filed", hidden: true, "aria-live": "polite" });
  const box = el("div", {});
  const start = async () => {
    if (!corrects) return fill(box, recordForm(query.get("topic") ?? "", null, "", filed));
    const { transaction } = await get(`/transactions/${encodeURIComponent(corrects)}`);
    const { data } = transaction.payload;
    if (!data) throw new Error("This transaction is a payment; only records can be corrected.");
    const record = readPayload(transaction.payload);
    return fill(box,
      el("div", { class: "stack" }, el("h3", {}, "It says now"), says(record), el("p", { class: "quiet" }, "It stays where it is; the new record says that it takes its place."),
        recordForm(data.topic, corrects, record.kind === "record" ? record.json : "", filed)));
  };
  start().catch((error) => fill(box, el("p", { class: "bad-text", role: "alert" }, error.message)));
  return [
    el("p", { class: "quiet row" }, "Signed by ", addressLink(session.account.address), practising() ? " the practice account, which everybody may use" : null),
    card(null, box), filed,
  ];
}

function recordForm(topicBefore, corrects, textBefore, filed) {
  const topic = el("input", { id: "record-topic", value: topicBefore, autocomplete: "off", list: "known-topics" });
  const known = el("datalist", { id: "known-topics" });
  get("/records/topics?limit=200").then(({ topics }) => fill(known, topics.map((name) => el("option", { value: name })))).catch(() => {});
  const topicBox = field("Topic", topic, `Under which it is found, such as “till” or “meter/kitchen”: 1 to ${MAX_TOPIC} bytes.`);
  topic.addEventListener("input", () => {
    const size = utf8(topic.value).length;
    topicBox.hint(size > MAX_TOPIC ? `That is ${size} bytes; a topic has at most ${MAX_TOPIC}.` : `Under which it is found: 1 to ${MAX_TOPIC} bytes.`, size > MAX_TOPIC ? "bad-text" : "quiet");
  });
  const content = contentFields(textBefore);
  const secret = el("input", { id: "record-private", type: "checkbox" });
  const fee = el("input", { id: "record-fee", inputmode: "numeric", autocomplete: "off", placeholder: "one for every 100 bytes" });
  const fields = [
    topicBox, known, content.element,
    el("label", { class: "beside", for: secret.id }, secret, "Private: file only a salted hash, which proves it later to whomever you show record and salt"),
    el("details", {}, el("summary", {}, "Fee"), field("Fee in units", fee)),
  ];
  return form("record", fields, corrects ? "File the correction" : "File the record", async () => {
    const json = content.read();
    const offered = fromUnits(fee.value);
    if (offered.wrong) throw new Error(`The fee: ${offered.wrong}`);
    if (topic.value === "") throw new Error("Give it a topic.");
    // The record goes in as it was typed, to the letter.
    const members = [`"topic":${JSON.stringify(topic.value)}`, `"record":${json}`, `"private":${secret.checked}`];
    if (corrects) members.push(`"corrects":${JSON.stringify(corrects)}`);
    if (offered.units !== null) members.push(`"fee":${offered.units}`);
    const answer = await act("/records", `{${members.join(",")}}`);
    told(filed, answer, topic.value);
    if (!corrects) content.reset();
    secret.checked = false;
  });
}

/** The record itself: rows, or JSON. `read()` gives its JSON text, or throws what is wrong. */
function contentFields(textBefore) {
  const json = el("textarea", { id: "record-json", class: "mono", spellcheck: "false", rows: 6, value: textBefore, placeholder: '{"sold": "3 loaves", "for": 450}' });
  const jsonBox = field("Record as JSON", json, "Any JSON. It is kept to the letter.");
  json.addEventListener("input", () => {
    const wrong = wrongJson(json.value);
    jsonBox.hint(json.value.trim() === "" || !wrong ? "Any JSON. It is kept to the letter." : wrong, wrong && json.value.trim() !== "" ? "bad-text" : "quiet");
  });
  const preview = el("code", { id: "record-preview", class: "quiet" });
  const list = el("div", { class: "stack rows", id: "record-rows" });
  const values = () => [...list.children].map((row) => ({ name: row.querySelector(".row-name").value, value: row.querySelector(".row-value").value }));
  const look = () => {
    try {
      preview.textContent = fromRows(values());
    } catch {
      preview.textContent = "";
    }
  };
  const addRow = (name = "", value = "") => {
    const row = el("div", { class: "record-row" },
      el("input", { class: "row-name", "aria-label": "Name", placeholder: "Name", autocomplete: "off", value: name }), el("input", { class: "row-value", "aria-label": "Value", placeholder: "Value", autocomplete: "off", value }),
      el("button", { type: "button", class: "plain small", "aria-label": "Remove this row", on: { click: () => {
        row.remove();
        if (list.children.length === 0) addRow();
        look();
      } } }, "✕"));
    row.addEventListener("input", look);
    list.append(row);
  };
  const before = rowsOf(textBefore);
  const fresh = () => {
    fill(list);
    if (before) Object.entries(before).forEach(([name, value]) => addRow(name, String(value)));
    else addRow();
  };
  fresh();
  look();
  const more = el("button", { type: "button", class: "small", id: "record-more", on: { click: () => {
    addRow();
    list.lastChild.querySelector("input").focus();
  } } }, "One more row");
  const rows = el("div", { class: "stack" }, el("small", { class: "quiet" }, "Numbers stay numbers; everything else is text."), list, el("div", { class: "row" }, more), preview);
  let asJson = textBefore !== "" && !before;
  const modes = ["Form", "JSON"].map((words, at) => el("button", { type: "button", class: "small", id: `record-as-${words.toLowerCase()}`, on: { click: () => choose(at === 1) } }, words));
  const choose = (wantsJson) => {
    if (wantsJson && !asJson && json.value.trim() === "") json.value = preview.textContent;
    asJson = wantsJson;
    rows.hidden = asJson;
    jsonBox.hidden = !asJson;
    modes.forEach((mode, at) => mode.setAttribute("aria-pressed", String((at === 1) === asJson)));
  };
  choose(asJson);
  const read = () => {
    if (!asJson) return fromRows(values());
    const wrong = wrongJson(json.value);
    if (wrong) throw new Error(wrong);
    return json.value.trim();
  };
  const reset = () => {
    json.value = "";
    fill(list);
    addRow();
    look();
  };
  return { element: el("div", { class: "stack" }, el("div", { class: "row", role: "group", "aria-label": "Write it as" }, modes), rows, jsonBox), read, reset };
}

function wrongJson(text) {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return text.trim() === "" ? "Write what is to be recorded." : `This is not JSON yet: ${error.message}.`;
  }
}

/** The members of a flat object, so that a form can change them; null if it is something else. */
function rowsOf(text) {
  try {
    const value = JSON.parse(text);
    const flat = typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every((part) => part === null || typeof part !== "object");
    return flat && Object.keys(value).length > 0 ? value : null;
  } catch {
    return null;
  }
}

function told(filed, { id, fee, secret }, topic) {
  filed.hidden = false;
  fill(filed, el("h2", {}, "Filed ", statusTag(id, { state: "pending" })),
    el("p", {}, "Transaction ", transactionLink(id), ` carries it, for a fee of ${fee} ${fee === 1 ? "unit" : "units"}. It stands in the chain once a block confirms it.`),
    secret ? keepSecret(id, topic, secret) : null,
    el("div", { class: "row" }, go(`#/transaction/${id}`, `Transaction ${short(id)}`, { id: "filed-transaction" }), go("#/mine", "Mine a block"), go("#/ledger", "To the ledger")));
  notice("The record is on its way.");
}

/** What proves a private record. The node has forgotten it already. */
function keepSecret(id, topic, { salt, payload }) {
  const file = new Blob([`${JSON.stringify({ transaction: id, topic, salt, payload }, null, 2)}\n`], { type: "application/json" });
  return el("div", { class: "secret stack", id: "secret" },
    el("p", { class: "warn-text" }, el("strong", {}, "Keep this: "), "it proves what the record says, and the node does not keep it. With the receipt it convinces whomever you give it to."),
    el("p", {}, "Salt ", whole(salt, "the salt")), el("p", {}, "Record ", el("code", {}, payload)),
    el("div", { class: "row" }, el("a", { class: "button", id: "save-secret", href: URL.createObjectURL(file), download: `opening-${short(id)}.json` }, "Save salt and record")));
}
