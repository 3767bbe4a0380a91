// What somebody wrote, as text: with what cannot be seen made visible, and addresses of the web that open only on purpose.

import { dialog, el } from "/web/base/dom.js";
import { host, pieces } from "../../logic/chat/links.js";
import { visible } from "../../logic/visible.js";

/** The text's nodes. */
export const written = (text) => pieces(text).map((piece) => (piece.url ? link(piece) : visible(piece.text)));

function link({ text, url }) {
  const ask = () => askBefore(url);
  const made = el("span", { class: "web", role: "link", tabindex: "0", dataset: { url }, on: { click: ask } }, visible(text));
  made.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    ask();
  });
  return made;
}

/** Shows the whole address; it is opened only if that is confirmed, and without a word of where it was found. */
function askBefore(url) {
  return dialog("Open this address?", (shown) => [
    el("p", {}, "It leads away from this node, to ", el("strong", { class: "whole-word" }, host(url)), ". Whoever runs that place sees where you come from, though not which page."),
    el("code", { class: "hash", id: "link-address" }, url),
    el("div", { class: "row" },
      el("a", { class: "button strong", id: "link-open", href: url, target: "_blank", rel: "noopener noreferrer", on: { click: () => shown.close("") } }, "Open it in a new tab"),
      el("button", { type: "button", autofocus: true, on: { click: () => shown.close("") } }, "Cancel")),
  ]);
}
