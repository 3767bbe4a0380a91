// That a member's key is another than before: told above the messages until somebody says that the safety numbers were compared.

import { el, keep, kept } from "/web/base/dom.js";
import { called } from "../../logic/chat/words.js";

const nameFor = (address, member) => `chat-compared ${address} ${member.address}`;

/** Whether it was said of the key that the member has now, by this account and in this browser. */
export const isCompared = (address, member) => kept(nameFor(address, member)) === member.receiving;

/** Remembers that it was said. */
export const noteCompared = (address, member) => keep(nameFor(address, member), member.receiving);

/** The alarm; `show` opens the list of people, `compared` ends it. */
export const alarm = ({ address, name, receiving }, show, compared) => el("div", { class: "banner alarm", role: "alert", dataset: { alarm: address, key: receiving } },
  el("span", {}, el("strong", {}, called(name, address)), " has published another receiving key than before. Compare safety numbers before you trust it."),
  el("span", { class: "row" }, el("button", { type: "button", class: "small", on: { click: show } }, "Show people"), el("button", { type: "button", class: "small plain", on: { click: compared } }, "They are the same")));
