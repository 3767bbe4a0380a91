// Where messages are written: Enter sends, what is written is kept until the node has it.

import { el, fill, notice, text } from "/web/base/dom.js";
import { called, inShort, room as roomLeft, roomName } from "../../logic/chat/words.js";
import { act } from "../../server.js";
import { keepDraft } from "./drafts.js";

/** Pixels that the field grows to. */
const TALLEST = 180;
/** On a phone the keyboard's Enter begins a line, and the button sends. */
const byThumb = () => matchMedia("(pointer: coarse) and (hover: none)").matches;

/**
 * The composer of a room. `draft` is what is written; `changed()` is called when something is being sent or not any more, `sent(message)` with
 * the node's answer, `jump(id)` to show what is answered. Gives `{ element, draw(), reply(message), restore(text), hint(words), focus() }`.
 */
export function composer({ address, room, name, draft, changed, sent, jump }) {
  const box = el("textarea", { id: "message-text", rows: 1, autocomplete: "off", "aria-label": `Message to ${roomName(name)}`, "aria-describedby": "message-hint", placeholder: "Write a message" });
  const send = el("button", { type: "submit", class: "main", id: "message-send" }, "Send");
  const replying = el("div", { class: "replying", id: "replying", hidden: true });
  const wrong = el("p", { class: "bad-text small", role: "alert", id: "message-wrong" });
  const hint = el("p", { class: "small quiet", id: "message-hint", "aria-live": "polite" });
  const element = el("form", { class: "composer", id: "composer", novalidate: true }, replying, wrong, el("div", { class: "composer-row" }, box, send), hint);
  const usual = byThumb() ? "" : "Enter sends, Shift + Enter begins a line";
  let told = "";
  let tail = Promise.resolve();

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

  const deliver = async (entry) => {
    if (!draft.sending.includes(entry) || entry.lost) return;
    try {
      const message = await act(`/chat/rooms/${room}/messages`, { text: entry.text, ...(entry.reply ? { reply_to: entry.reply.id } : {}) });
      draft.done(entry, message.id);
      sent(message);
    } catch (error) {
      if (error.status === 0) {
        // Whether the node has it is seen when it answers again.
        draft.sending.forEach((waiting) => { waiting.lost = true; });
        wrong.textContent = `${error.message} Whether it has the message is seen when it answers again.`;
      } else {
        // What was to follow must not go before it.
        draft.sending.toReversed().forEach((waiting) => draft.failed(waiting));
        if (element.isConnected) wrong.textContent = error.message;
        else notice(error.message, "bad");
        draw();
      }
    }
    save();
    changed();
  };
  const submit = () => {
    draft.text = box.value;
    if (draft.text.trim() === "" || roomLeft(draft.text).over) return;
    wrong.textContent = "";
    const entry = draft.begin(Date.now());
    save();
    draw();
    changed();
    tail = tail.then(() => deliver(entry));
  };
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
    /** The node answers again: what it does not have is written again. */
    settle(messages) {
      if (!draft.settle(messages)) return;
      wrong.textContent = "";
      save();
      draw();
    },
  };
}
