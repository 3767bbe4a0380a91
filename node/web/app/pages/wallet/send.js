// Paying somebody, with a check of the address while it is typed.

import { get } from "/web/base/api.js";
import { el, fill, notice } from "/web/base/dom.js";
import { short } from "/web/base/format.js";
import { coins, fromCoins, fromUnits, units } from "../../logic/amount.js";
import { checkAddress } from "../../logic/bech32m.js";
import { addressLink, amount, belongsTo, card, face, field, form, go, password } from "../../parts.js";
import { act, nameOf, practising, session } from "../../server.js";
import { statusTag } from "../../status.js";
import { balanceRegion } from "../history.js";

/** The usual fee of a payment: a unit for every 100 bytes begun. */
const USUAL = 2;

/** The page `#/wallet/send`, with `?to=ADDRESS` perhaps. */
export function send(scope, query) {
  const { address } = session.account;
  const sent = el("section", { class: "card stack", id: "sent", hidden: true, "aria-live": "polite" });
  return [
    card(null, balanceRegion(scope, address)),
    el("div", { class: "two" }, card("Send coins", sendForm(query.get("to") ?? "", address, sent)), el("div", { class: "stack" }, sent, others(address))),
  ];
}

function sendForm(to, own, sent) {
  const receiver = el("input", { id: "send-to", value: to, autocomplete: "off", autocapitalize: "none", spellcheck: "false", class: "mono" });
  const toBox = field("To", receiver);
  const seen = el("div", { class: "row", id: "send-face" });
  const checkTo = () => {
    const checked = checkAddress(receiver.value);
    receiver.dataset.state = checked.state;
    const name = checked.address ? nameOf(checked.address) : null;
    const words = checked.state !== "good" ? checked.words : checked.address === own ? "This is your own address." : name ? `The account ${name} of this node.` : "The checksum is right. Compare the picture with the receiver's.";
    toBox.hint(words, { good: "good-text", wrong: "bad-text" }[checked.state] ?? "quiet");
    fill(seen, checked.state === "good" ? [face(checked.address, 40), el("span", { class: "quiet" }, name ?? "The receiver's picture")] : null);
    return checked;
  };
  receiver.addEventListener("input", checkTo);
  checkTo();

  const howMuch = el("input", { id: "send-amount", inputmode: "decimal", autocomplete: "off", placeholder: "0" });
  const amountBox = field("Coins", howMuch, "A coin has a million units.");
  const checkAmount = () => {
    const found = fromCoins(howMuch.value);
    if (howMuch.value.trim() === "") amountBox.hint("A coin has a million units.");
    else amountBox.hint(found.wrong ?? units(found.units), found.wrong ? "bad-text" : "quiet");
    return found;
  };
  howMuch.addEventListener("input", checkAmount);

  const fee = el("input", { id: "send-fee", inputmode: "numeric", autocomplete: "off", placeholder: String(USUAL) });
  const feeBox = field("Fee in units (not needed)", fee, `For the miner of the block. ${USUAL} units are usual; more goes before others when many wait.`);
  const secret = practising() ? null : field("Password again, to spend", password("send-password", "current-password"));

  let nonce = null;
  const made = form("send-form", [toBox, seen, amountBox, feeBox, secret ? belongsTo(session.account.name) : null, secret], "Send", async () => {
    const checked = checkTo();
    const [{ units: count, wrong }, offered] = [checkAmount(), fromUnits(fee.value)];
    if (checked.state !== "good") {
      toBox.hint(checked.words, "bad-text");
      throw new Error("The address is not right yet.");
    }
    if (wrong) {
      amountBox.hint(wrong, "bad-text");
      throw new Error(wrong);
    }
    if (offered.wrong) throw new Error(`The fee: ${offered.wrong}`);
    // The same number for every try until one is answered: a payment whose answer got lost is not made twice.
    nonce ??= (await get(`/accounts/${own}`)).pending.next_nonce;
    const body = { to: checked.address, amount: count, nonce };
    if (offered.units !== null) body.fee = offered.units;
    if (secret) body.password = document.getElementById("send-password").value;
    try {
      const answer = await act("/wallet/send", body);
      nonce = null;
      told(sent, answer, body);
      made.reset();
      checkTo();
      checkAmount();
    } catch (error) {
      // A refusal is an answer: nothing was sent under this number.
      if (error.status !== 0) nonce = null;
      throw error;
    }
  });
  return made;
}

function told(sent, { id, fee }, { to, amount: count }) {
  sent.hidden = false;
  fill(sent, el("h2", {}, "On its way ", statusTag(id, { state: "pending" })),
    el("p", {}, amount(count), " to ", addressLink(to), ", for a fee of ", units(fee), "."),
    el("p", { class: "quiet" }, "It waits until a miner puts it into a block; then the mark above counts the blocks that confirm it."),
    el("div", { class: "row" }, go(`#/transaction/${id}`, `Transaction ${short(id)}`, { id: "sent-transaction" }), go("#/mine", "Mine a block")));
  notice(`${coins(count)} are on their way.`);
}

/** Accounts of this node that could be paid. */
function others(own) {
  const named = session.named.filter((account) => account.address !== own);
  if (named.length === 0) return null;
  const choose = (address) => {
    const box = document.getElementById("send-to");
    box.value = address;
    box.dispatchEvent(new Event("input"));
    document.getElementById("send-amount").focus();
  };
  return card("Accounts of this node", el("div", { class: "row" }, named.map((account) => el("button", { type: "button", class: "address", dataset: { pay: account.name }, on: { click: () => choose(account.address) } }, face(account.address, 20), account.name))));
}
