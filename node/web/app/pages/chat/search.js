// Searching in what one can read of a room.

import { get } from "/web/base/api.js";
import { el, fill } from "/web/base/dom.js";
import { called, inShort } from "../../logic/chat/words.js";
import { face } from "../../parts.js";
import { clockAndDay } from "./moments.js";

const PAGE = 30;
const PAUSE = 250;

/** The panel: a field, and what it finds, newest first. `jump(id)` shows a message where it was said. */
export function searchPanel(scope, id, { jump, close }) {
  const box = el("input", { id: "room-search", type: "search", "aria-label": "Search in this room", placeholder: "Words in this room", autocomplete: "off" });
  const told = el("p", { class: "small quiet", role: "status" });
  const list = el("ul", { class: "plain found", id: "found" });
  const more = el("div");
  let timer = null;
  let asked = 0;
  const read = async (before = null) => {
    const words = box.value.trim();
    const asking = (asked += 1);
    if (before === null) {
      fill(list);
      fill(more);
    }
    if (words === "") {
      told.textContent = "";
      return;
    }
    try {
      const { messages, next } = await get(`/chat/rooms/${id}/messages?${new URLSearchParams({ search: words, limit: PAGE, ...(before ? { before } : {}) })}`);
      if (asking !== asked || scope.closed) return;
      list.append(...messages.map((message) => hit(message, words, jump)));
      told.textContent = list.children.length === 0 ? (next ? "Nothing yet." : "Nothing that you can read has these words.") : "";
      fill(more, next ? el("button", { type: "button", class: "small", id: "found-more", on: { click: () => read(next) } }, "Search further back") : null);
    } catch (error) {
      if (asking === asked) told.textContent = error.message;
    }
  };
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => read(), PAUSE);
  });
  scope.finally(() => clearTimeout(timer));
  return {
    element: el("div", { class: "stack" }, el("div", { class: "row spread" }, el("h2", {}, "Search"), el("button", { type: "button", class: "plain small", "aria-label": "Close the search", on: { click: close } }, "✕")), box, told, list, more),
    focus: () => box.focus(),
  };
}

function hit(message, words, jump) {
  const { id, author, author_name: name, mine, text, time } = message;
  return el("li", {}, el("button", { type: "button", class: "hit", dataset: { hit: id }, on: { click: () => jump(id) } },
    el("span", { class: "row" }, face(author, 18), el("strong", { class: "cut", dir: "auto" }, mine ? "You" : called(name, author)), el("span", { class: "small quiet" }, clockAndDay(time))),
    el("span", { class: "hit-words", dir: "auto" }, marked(inShort(around(text, words), 160), words))));
}

const folded = (text) => text.toLowerCase();

/** The part of a long text where the words are. */
function around(text, words) {
  const at = folded(text).indexOf(folded(words));
  return at > 60 ? `…${text.slice(at - 40)}` : text;
}

/** The text with the words marked in it. */
function marked(text, words) {
  const at = folded(text).indexOf(folded(words));
  if (at < 0) return text;
  return [text.slice(0, at), el("mark", {}, text.slice(at, at + words.length)), text.slice(at + words.length)];
}
