// What chat is, for somebody who has no account in use; and what is protected and what is not, for everybody.

import { dialog, el } from "/web/base/dom.js";
import { card, empty, go, heading } from "../../parts.js";

const PROTECTED = [
  "What is written, the name of a room, and who replies to whom. Only those who are members at the time hold the key: no node, no miner, and nobody who has the whole chain can read it without one.",
  "Who wrote it. Nobody can write in another's name, change a message, put one author's messages into another order, or drop a confirmed message unseen.",
];

const OPEN = [
  "That a room exists, its members' addresses and display names, who is an admin, who came, left or was put out, whether newcomers can read back, who wrote when, and roughly how long (lengths are rounded up to 128, 256, 512 … bytes). This is public on the chain, for ever.",
  "What members do with what they read: each of them can pass it on, and whoever is removed keeps what was readable until then.",
  "The past, if an account is stolen: whoever gets its words, or its file and password, reads all its rooms back to their beginning. The chain keeps the sealed keys, so there is no forward secrecy.",
  "The node that runs the account. It is the end of the encryption: whoever controls it while you are logged in reads along. A draft is kept by this browser until it is sent.",
  "Being on time: a node whose only way to the others is a miner's can have its messages delayed.",
];

/** The two lists, in plain words. */
export const protection = () => el("div", { class: "two protection" },
  el("section", { class: "stack" }, el("h3", {}, "Protected"), el("ul", { class: "points good-points" }, PROTECTED.map((words) => el("li", {}, words)))),
  el("section", { class: "stack" }, el("h3", {}, "Not protected"), el("ul", { class: "points" }, OPEN.map((words) => el("li", {}, words)))));

/** A button that shows them. */
export const protectionButton = (properties = {}) => el("button", { type: "button", class: "plain small", ...properties, on: { click: () => dialog("What is protected, and what is not", (shown) => [
  protection(), el("div", { class: "row" }, el("button", { type: "button", class: "main", autofocus: true, on: { click: () => shown.close("") } }, "Close")),
]) } }, "What is protected?");

/** For somebody who has no account in use. */
export const welcome = () => [
  heading("Chat"),
  card(null, empty("Rooms for people who share this network. Messages are encrypted for the members of a room; the chain keeps their order and the proof of who wrote them. To take part, use an account: its keys stay on this node.",
    go("#/wallet/log-in", "Log in", { id: "chat-log-in", class: "button strong" }), go("#/wallet/sign-up", "Sign up", { id: "chat-sign-up" }))),
  card("What is protected, and what is not", protection()),
];
