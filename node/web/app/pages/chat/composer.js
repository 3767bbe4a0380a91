// Where messages are written: Enter sends, what is written is kept until the node has it.

import { el, fill, notice, text } from "/web/base/dom.js";
import { called, inShort, room as roomLeft, roomName } from "../../logic/chat/words.js";
import { act, refresh, session } from "../../server.js";
import { keepDraft, onDraft, tellDraft } from "./drafts.js";

/** Pixels that the field grows to. */
const TALLEST = 180;
/** On a phone the keyboard's Enter begins a line, and the button sends. */
const byThumb = () => matchMedia("(pointer: coarse) and (hover: none)").matches;

/** Statuses that leave open whether the node has a message: none at all, what stands in for a node that is not running, and a session that has ended. */
const OPEN = new Set([0, 503, 401]);

/** Random digits by which the node knows a message that it is asked for again. */
const newTag = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * The composer of a room. `draft` is what is written; `began()` is called when something is to be sent, `changed()` when what is being sent is
 * another, `sent(message)` with the node's answer, `jump(id)` to show what is answered. `alone(task)` does what must not be done while the
 * room's messages are read. Gives `{ element, draw(), reply(message), restore(text), hint(words), focus(), again() }`.
 */
export function composer(scope, { address, room, name, draft, alone, began, changed, sent, jump }) {
  const box = el("textarea", { id: "message-text", rows: 1, autocomplete: "off", "aria-label": `Message to ${roomName(name)}`, "aria-describedby": "message-hint", placeholder: "Write a message" });
  const send = el("button", { type: "submit", class: "main", id: "message-send" }, "Send");
  const replying = el("div", { class: "replying", id: "replying", hidden: true });
  const wrong = el("p", { class: "bad-text small", role: "alert", id: "message-wrong" });
  const hint = el("p", { class: "small quiet", id: "message-hint", "aria-live": "polite" });
  const element = el("form", { class: "composer", id: "composer", novalidate: true }, replying, wrong, el("div", { class: "composer-row" }, box, send), hint);
  const usual = byThumb() ? "" : "Enter sends, Shift + Enter begins a line";
  let told = "";

  const grow = () => {
    box.style.height = "auto";
    box.style.height = `${Math.min(TALLEST, box.scrollHeight + 2)}px`;
  };
  const drawHint = () => {
    const { over, words } = roomLeft(box.value);
    text(hint, words || told || usual);
    hint.className = `small ${over ? "bad-text" : "quiet"}`;
    box.setAttribute("aria-invalid", String(over));
  };
  const drawReply = () => {
    replying.hidden = draft.reply === null;
    if (draft.reply === null) fill(replying);
    else {
      const { id, author, author_name: who, text: words } = draft.reply;
      fill(replying, el("button", { type: "button", class: "quote", on: { click: () => jump(id) } }, el("strong", { dir: "auto" }, `Reply to ${called(who, author)}`), el("span", { class: "cut", dir: "auto" }, inShort(words))),
        el("button", { type: "button", class: "plain small", id: "reply-cancel", "aria-label": "Do not reply to it", on: { click: () => answer(null) } }, "✕"));
    }
  };
  const draw = () => {
    if (box.value !== draft.text) box.value = draft.text;
    grow();
    drawHint();
    drawReply();
  };
  const save = () => keepDraft(address, room, draft);
  const answer = (message) => {
    draft.reply = message && { id: message.id, author: message.author, author_name: message.author_name, text: inShort(message.text, 200) };
    save();
    drawReply();
    box.focus();
  };

  const deliver = async () => {
    const entry = draft.next;
    if (!entry) return;
    try {
      // Somebody else may have logged in meanwhile.
      if (session.account?.address !== address) draft.lose();
      else {
        const { tag, text: words, reply } = entry;
        const message = await act(`/chat/rooms/${room}/messages`, { text: words, tag, ...(reply ? { reply_to: reply.id } : {}) });
        draft.done(entry);
        sent(message);
        wrong.textContent = "";
      }
    } catch (error) {
      // What was to follow must not go before it.
      if (OPEN.has(error.status)) draft.lose();
      else draft.fail();
      const words = OPEN.has(error.status) ? `What is not sent yet goes out ${error.status === 401 ? "once you have logged in again" : "by itself"}. ${error.message}` : error.message;
      if (element.isConnected) text(wrong, words);
      else notice(words, "bad");
    }
    save();
    tellDraft(draft);
  };
  const submit = () => {
    draft.text = box.value;
    if (draft.text.trim() === "" || roomLeft(draft.text).over) return;
    if (!draft.lost) wrong.textContent = "";
    draft.begin(newTag());
    save();
    tellDraft(draft);
    began();
    alone(deliver);
  };
  scope.finally(onDraft(draft, () => {
    draw();
    changed();
  }));
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
    box.focus();
  });
  for (const told of ["input", "change"]) {
    box.addEventListener(told, () => {
      if (draft.text === box.value) return;
      draft.text = box.value;
      save();
      grow();
      drawHint();
    });
  }
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && draft.reply) answer(null);
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || byThumb()) return;
    event.preventDefault();
    submit();
  });
  return {
    element,
    draw,
    reply: answer,
    focus: () => box.focus({ preventScroll: true }),
    /** Puts a text that was taken back into the field, if nothing is written there. */
    restore(words) {
      if (draft.text !== "") return;
      draft.text = words;
      save();
      draw();
      box.focus();
    },
    hint(words) {
      told = words;
      drawHint();
    },
    /** The node answers: what it did not answer for is sent again, if the same account is still in use there. */
    async again() {
      if (!draft.lost) return;
      await refresh();
      if (scope.closed || session.account?.address !== address || !draft.lost) return;
      draft.retry();
      tellDraft(draft);
      draft.sending.forEach(() => alone(deliver));
    },
  };
}
