// One message as people read it: who, what, in answer to what, and how far it has come.

import { el, fill, text } from "/web/base/dom.js";
import { called, inShort, mark, sentence } from "../../logic/chat/words.js";
import { live } from "../../live.js";
import { face, route } from "../../parts.js";
import { deed } from "./deed.js";
import { clock } from "./moments.js";
import { written } from "./text.js";

/** What must be the same for an element to stay: everything but the state, which `update` changes in it. */
export const sameness = ({ author, author_name: name, text: words, time, reply_to: reply, mine }, together) => JSON.stringify([author, name, words, time, reply, mine, together]);

/**
 * A message's element and `update(message)` for another state of it. `together` says that it stands with the one before.
 * `on` has `reply(message)`, `jump(id)`, `send(message)`, `discard(message)` and `takeBack(message)`; `reply` is null where nothing can be sent.
 */
export function messageView(message, together, on) {
  const { id, author, author_name: name, mine, text: words, time, reply_to: reply } = message;
  const state = el("span", { class: "said-state" });
  const more = el("div", { class: "said-more" });
  const who = mine ? "You" : called(name, author);
  let now = message;
  const element = el("li", { class: `said${mine ? " mine" : ""}${together ? " together" : ""}`, dataset: { message: id } },
    mine ? null : together ? el("span", { class: "said-face" }) : el("a", { class: "said-face", href: route("address", author), title: author, tabindex: "-1", "aria-hidden": "true" }, face(author, 32)),
    el("div", { class: "said-body" },
      mine || together ? el("span", { class: "only-spoken" }, `${who}: `) : el("a", { class: "said-who", href: route("address", author), title: author, dir: "auto" }, who),
      el("div", { class: "bubble" },
        reply ? quote(reply, on.jump) : null,
        el("div", { class: "said-text", dir: "auto" }, written(words)),
        el("div", { class: "said-foot" }, clock(time), state)),
      more),
    on.reply ? el("button", { type: "button", class: "plain small reply", "aria-label": `Reply to ${who}: ${inShort(words, 40)}`, on: { click: () => on.reply(now) } }, "Reply") : null);
  let drawn;
  const update = (next) => {
    now = next;
    element.dataset.state = next.state;
    drawState(state, next);
    const key = JSON.stringify([next.state, next.reason, next.mine]);
    if (key === drawn) return;
    drawn = key;
    fill(more, trouble(next, on));
    more.hidden = !more.hasChildNodes();
  };
  update(message);
  return { element, update };
}

/** What was answered; pressed, it leads there. */
function quote({ id, author, author_name: name, text: words }, jump) {
  if (words === null) return el("div", { class: "quote unread-quote" }, "An answer to a message that you cannot read.");
  return el("button", { type: "button", class: "quote", dataset: { quote: id }, title: "Show it where it was said", on: { click: () => jump(id) } },
    el("strong", { dir: "auto" }, called(name, author ?? "")), el("span", { class: "cut", dir: "auto" }, inShort(words)));
}

/** How far it has come; leads to its transaction once there is one. */
function drawState(place, message) {
  const { words, kind } = mark(message, live.tip);
  const href = message.transaction ? route("transaction", message.transaction) : null;
  let inner = place.firstElementChild;
  if (inner?.getAttribute("href") !== href || !inner) {
    inner = href ? el("a", { href }) : el("span");
    fill(place, inner);
  }
  text(inner, words);
  inner.className = `mark-words ${kind ? `${kind}-text` : ""}`;
  inner.title = message.reason ?? (href ? "To its transaction" : "");
}

/** Why it is not on its way, and what its author can do. */
function trouble(message, on) {
  const { state, mine, reason } = message;
  if (state === "undecided" && mine) {
    return [
      el("p", { class: "small" }, reason ? sentence(reason) : "Meanwhile other people are in the room than when you wrote this: some of them could read it now who could not before."),
      el("div", { class: "row" },
        deed("Send to the present members", () => on.send(message), { class: "small main", dataset: { send: message.id } }),
        deed("Discard", () => on.discard(message), { class: "small", dataset: { discard: message.id } })),
    ];
  }
  if (state === "waiting" && mine) {
    return el("div", { class: "row" }, el("p", { class: "small quiet" }, reason ? sentence(reason) : "It goes out by itself."),
      deed("Take back", () => on.takeBack(message), { class: "small plain", dataset: { takeBack: message.id } }));
  }
  return state !== "confirmed" && reason ? el("p", { class: "small quiet" }, sentence(reason)) : null;
}

/** What was typed and is not answered for yet. */
export const ghost = ({ text: words, reply, lost }) => el("li", { class: "said mine ghost" },
  el("div", { class: "said-body" }, el("div", { class: "bubble" }, reply ? quote(reply, () => {}) : null, el("div", { class: "said-text", dir: "auto" }, written(words)), el("div", { class: "said-foot" }, lost ? "no answer yet" : "being sent…"))));
