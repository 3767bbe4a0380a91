// An open room: its messages, where one writes, and a panel beside them.

import { get } from "/web/base/api.js";
import { confirmed, el, fill, text } from "/web/base/dom.js";
import { count, whole as digits } from "/web/base/format.js";
import { STANDINGS, roomName } from "../../logic/chat/words.js";
import { empty, go } from "../../parts.js";
import { redraw } from "../../redraw.js";
import { concerns } from "../../rooms.js";
import { act, session } from "../../server.js";
import { alarm, isCompared, noteCompared } from "./alarm.js";
import { composer } from "./composer.js";
import { draftOf } from "./drafts.js";
import { Log } from "./log.js";
import { roomPanel } from "./panel.js";
import { searchPanel } from "./search.js";

/** Milliseconds after news before the room is read again. */
const PAUSE = 150;

/** The page `#/chat/ROOM`. */
export function room(scope, id) {
  const place = el("section", { class: "chat-pane", id: "room", dataset: { room: id } }, el("div", { class: "chat-form stack" }, el("a", { class: "back narrow-only", href: "#/chat" }, "‹ Rooms"), el("p", { class: "quiet" }, "Loading…")));
  const path = `/chat/rooms/${id}`;
  let shown = null;
  let timer = null;
  const read = async () => {
    try {
      const found = await get(path);
      if (scope.closed) return;
      shown ??= opened(scope, place, found, read);
      shown.draw(found);
    } catch (error) {
      if (scope.closed || shown) return;
      fill(place, el("div", { class: "chat-form stack" }, el("h1", { tabindex: "-1" }, "Room"), empty(error.message, go("#/chat", "To the rooms"))));
    }
  };
  scope.hear((news) => {
    const { kind, event } = news;
    if (kind === "health" || kind === "event") shown?.log.drawStates();
    if (kind === "health" || kind === "chat") shown?.again();
    // The list of rooms as a whole is another: this room may be.
    if (!concerns(news, id) && !(concerns(news) && event.room === null)) return;
    if (kind === "chat" && event.message) {
      shown?.log.take(event.message);
      return;
    }
    timer ??= setTimeout(() => {
      timer = null;
      read();
      shown?.log.readSoon();
    }, PAUSE);
  });
  scope.finally(() => clearTimeout(timer));
  read();
  return place;
}

/** Builds the room in its place. */
function opened(scope, place, first, again) {
  const { id } = first;
  const { address } = session.account;
  const draft = draftOf(address, id);
  const path = `/chat/rooms/${id}/messages`;
  const title = el("h1", { class: "cut", tabindex: "-1", dir: "auto" });
  const under = el("span", { class: "small quiet cut", id: "room-under" });
  const alarms = el("div", { class: "alarms" });
  const foot = el("div", { class: "pane-foot" });
  const side = el("aside", { class: "chat-side", hidden: true });
  let panel = null;

  const log = new Log(scope, id, draft, {
    reply: (message) => write.reply(message),
    send: async (message) => log.take(await act(`${path}/${message.id}/send`)),
    discard: async (message) => {
      if (await confirmed("Discard this message?", "It was never confirmed, and will not be sent.", "Discard")) await takeBack(message);
    },
    takeBack: async (message) => {
      await takeBack(message);
      write.restore(message.text);
    },
  });
  const takeBack = async (message) => {
    await act(`${path}/${message.id}`, undefined, "DELETE");
    log.drop(message.id);
  };
  const write = composer(scope, {
    address, room: id, name: first.name, draft, alone: (task) => log.alone(task), began: () => log.toEnd(), changed: () => log.draw(),
    sent: (message) => log.answered(message), jump: (wanted) => log.jump(wanted),
  });

  const toggles = {};
  const open = (name) => {
    panel = panel === name ? null : name;
    place.dataset.panel = panel ?? "";
    side.hidden = panel === null;
    for (const [other, toggle] of Object.entries(toggles)) toggle.setAttribute("aria-expanded", String(other === panel));
    if (panel === "search") fill(side, search.element);
    if (panel === "people") fill(side, people.element);
    if (panel === "search") search.focus();
    if (panel === null) toggles[name]?.focus();
  };
  const search = searchPanel(scope, id, { close: () => open("search"), jump: (wanted) => {
    // On a phone it lies over the messages.
    if (log.element.clientHeight === 0) open("search");
    log.jump(wanted);
  } });
  const people = roomPanel(id, { again, close: () => open("people") });
  toggles.search = el("button", { type: "button", class: "small", id: "open-search", "aria-expanded": "false", on: { click: () => open("search") } }, "Search");
  toggles.people = el("button", { type: "button", class: "small", id: "open-people", "aria-expanded": "false", on: { click: () => open("people") } }, "People");

  fill(place, el("header", { class: "pane-head" },
    el("a", { class: "back narrow-only", href: "#/chat", "aria-label": "To the rooms" }, "‹"),
    el("div", { class: "pane-title" }, title, under), el("div", { class: "row" }, toggles.search, toggles.people)),
  alarms, el("div", { class: "pane-body" }, el("div", { class: "pane-main" }, log.element, foot), side));
  write.draw();
  write.again();
  log.open(first.unread).catch((error) => fill(foot, el("p", { class: "bad-text", role: "alert" }, error.message)));

  const draw = (now) => {
    const present = ["member", "founding"].includes(now.standing);
    place.toggleAttribute("data-closed", !present);
    text(title, roomName(now.name));
    text(under, count(now.people.length, "person", "people") + (now.standing === "founding" ? " · waits for its first confirmation" : ""));
    redraw(alarms, now.people.filter((member) => member.key_changed && !member.me && !isCompared(address, member)).map((member) => alarm(member, () => panel === "people" || open("people"), () => {
      noteCompared(address, member);
      again();
    })));
    log.beginning = (now.readable_from ?? null) === null ? "This is where the room begins." : `You were invited without what was written before block ${digits(now.readable_from)}.`;
    if (present !== foot.contains(write.element) || !foot.hasChildNodes()) {
      fill(foot, present ? write.element : el("p", { class: "quiet closed", id: "standing" }, STANDINGS[now.standing]?.words ?? ""));
      if (present) {
        write.draw();
        if (matchMedia("(hover: hover)").matches && document.activeElement === document.body) write.focus();
      }
      // What led here is gone, and whoever goes by keys is somewhere again.
      if (document.activeElement === document.body) title.focus({ preventScroll: true });
    }
    write.hint(now.standing === "founding" ? STANDINGS.founding.words : "");
    people.draw(now);
  };
  return { log, draw, again: write.again };
}
