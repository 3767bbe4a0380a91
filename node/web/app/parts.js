// What many pages show in the same way: addresses, hashes, amounts, times, lists of facts, fields of forms.

import { avatar } from "/web/base/avatar.js";
import { el, notice } from "/web/base/dom.js";
import { ends, short, time } from "/web/base/format.js";
import { picture } from "./gravatar.js";
import { coins, units } from "./logic/amount.js";
import { nameOf } from "./server.js";

/** The hash route of a page. */
export const route = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;

/** A picture for an address: the pattern drawn here, or the one that its owner chose to fetch. */
export const face = (address, size = 24) => picture(address, size) ?? avatar(address, size);

/** An address, short, with its picture, and its name if this node has the account. Leads to its page. */
export function addressLink(address, { size = 22 } = {}) {
  const name = nameOf(address);
  return el("a", { class: "address", href: route("address", address), title: address, dataset: { address } },
    face(address, size), name ? el("span", {}, name) : null, el("span", { class: name ? "mono quiet" : "mono" }, ends(address, name ? 4 : 7)));
}

/** Leads to a block, by height or by its hash's first digits. */
export const blockLink = (hash, words = short(hash)) => el("a", { class: "mono", href: route("block", hash), title: hash }, words);

/** Leads to a transaction. */
export const transactionLink = (id, words = short(id)) => el("a", { class: "mono", href: route("transaction", id), title: id }, words);

/** Fewer units than this are told as units, since as coins they would be all zeros. */
const FEW = 1_000;

/** An amount in coins, or in units if it is small; whole units are told on a second look. */
export const amount = (count, { sign = "" } = {}) => el("span", { class: "amount number", title: units(count), dataset: { units: count } }, `${sign}${count > 0 && count < FEW ? units(count) : coins(count)}`);

/** A moment, in milliseconds since 1970. */
export function when(ms) {
  const then = new Date(ms);
  if (Number.isNaN(then.getTime())) return el("span", {}, "no time");
  return el("time", { datetime: then.toISOString(), title: then.toISOString() }, time(ms));
}

/** Puts a text into the clipboard. */
export function copyButton(words, what) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(words);
      notice(`Copied: ${what}.`);
    } catch {
      notice("This browser does not let pages copy; select the text and copy it.", "bad");
    }
  };
  return el("button", { type: "button", class: "plain small", "aria-label": `Copy ${what}`, title: `Copy ${what}`, on: { click: copy } }, "Copy");
}

/** Something long, whole, that can be copied. */
export const whole = (words, what) => el("span", { class: "whole" }, el("code", {}, words), copyButton(words, what));

/** Names and values below one another. Rows without a value are left out. */
export function facts(rows, properties = {}) {
  return el("dl", { class: "facts", ...properties }, rows.filter((row) => row && row[1] !== null && row[1] !== undefined).map(([name, value, key]) => [
    el("dt", {}, name), el("dd", { dataset: key ? { fact: key } : {} }, value)]));
}

/** Says that there is nothing, and what to do next. */
export const empty = (words, ...actions) => el("div", { class: "empty" }, el("p", {}, words), actions.length > 0 ? el("div", { class: "row" }, actions) : null);

/** A link that looks like a button. */
export const go = (href, words, properties = {}) => el("a", { class: "button", href, ...properties }, words);

/** A page's title with what can be done beside it. */
export const heading = (title, ...beside) => el("div", { class: "row spread heading" }, el("h1", { tabindex: "-1" }, title), beside.length > 0 ? el("div", { class: "row" }, beside) : null);

/** A card with a title. */
export const card = (title, ...children) => el("section", { class: "card stack" }, title ? el("h2", {}, title) : null, children);

/** A field with its label above and a hint below, which is read out with it. The hint can be changed by `hint(words, kind)`. */
export function field(label, input, hint = "") {
  const words = el("small", { id: `${input.id}-hint`, class: "quiet", "aria-live": "polite" }, hint);
  input.setAttribute("aria-describedby", words.id);
  const made = el("label", { for: input.id }, label, input, words);
  made.hint = (next, kind = "quiet") => {
    if (words.textContent !== next) words.textContent = next;
    words.className = kind;
    input.setAttribute("aria-invalid", kind === "bad-text" ? "true" : "false");
  };
  return made;
}

/**
 * A form whose button shows that it is at work. `act` is called with the event; what goes wrong is told below the fields, in
 * the server's words.
 */
export function form(id, fields, action, act, { beside = [] } = {}) {
  const wrong = el("p", { class: "bad-text", role: "alert", id: `${id}-wrong` });
  const submit = el("button", { type: "submit", class: "main", id: `${id}-submit` }, action);
  const made = el("form", { id, class: "stack", novalidate: true }, fields, wrong, el("div", { class: "row" }, submit, beside));
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    submit.disabled = true;
    submit.setAttribute("aria-busy", "true");
    wrong.textContent = "";
    try {
      await act(event);
    } catch (error) {
      wrong.textContent = error.message;
      (made.querySelector('[aria-invalid="true"]') ?? submit).focus();
    } finally {
      submit.disabled = false;
      submit.removeAttribute("aria-busy");
    }
  });
  return made;
}

/** The name that a password belongs to, unseen, for browsers that keep passwords. */
export const belongsTo = (name) => el("input", { type: "text", autocomplete: "username", value: name, readonly: true, hidden: true });

/** A password's field. */
export const password = (id, autocomplete) => el("input", { id, type: "password", autocomplete, required: true, spellcheck: "false" });
