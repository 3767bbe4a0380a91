// The list of rooms: which there are, what was said last in each, and how much of it is unread.

import { avatar } from "/web/base/avatar.js";
import { el, fill } from "/web/base/dom.js";
import { STANDINGS, called, lastSaid, roomName } from "../../logic/chat/words.js";
import { empty, face, go, route } from "../../parts.js";
import { redraw } from "../../redraw.js";
import { onRooms, readRoomsSoon, rooms } from "../../rooms.js";
import { practising } from "../../server.js";
import { clockOrDay } from "./moments.js";
import { practiceBanner } from "./profile.js";
import { protectionButton } from "./welcome.js";

/** The rooms, with the one that is open marked, and the profile of who sees them. */
export function roomList(scope, open, { address, name }) {
  const list = el("nav", { class: "rooms", id: "rooms", "aria-label": "Rooms" });
  const draw = () => redraw(list, content(open));
  if (rooms.list === null) fill(list, el("p", { class: "quiet" }, "Loading…"));
  else draw();
  scope.finally(onRooms(draw));
  readRoomsSoon();
  return el("section", { class: "chat-rooms" },
    el("div", { class: "row spread chat-head" }, open === "" ? el("h1", { tabindex: "-1" }, "Chat") : el("h2", {}, "Chat"), go("#/chat/new", "New room", { id: "new-room", class: "button small strong" })),
    list,
    practising() ? el("div", { class: "chat-practice" }, practiceBanner()) : null,
    el("div", { class: "row spread chat-foot" },
      el("a", { class: "address", href: "#/chat/profile", title: "Your display name" }, face(address, 20), el("span", { class: "cut" }, called(name, address))), protectionButton()));
}

function content(open) {
  if (rooms.refusal) return el("p", { class: "bad-text", role: "alert" }, rooms.refusal.message);
  if (rooms.list === null) return el("p", { class: "quiet" }, "Loading…");
  if (rooms.list.length === 0) return empty("There are no rooms yet. Open one and invite others; whoever invites you makes a room appear here.");
  return el("ul", { class: "plain" }, rooms.list.map((room) => entry(room, room.id === open)));
}

function entry(room, isOpen) {
  const { id, name, last, unread, undecided, standing } = room;
  const said = last ? el("span", { class: "quiet cut", dir: "auto" }, lastSaid(last)) : el("span", { class: "quiet cut" }, "Nothing was said yet.");
  return el("li", {}, el("a", { class: `room-entry ${standing}`, href: route("chat", id), "aria-current": isOpen ? "page" : null, dataset: { room: id, unread } },
    avatar(id, 36),
    el("span", { class: "room-words" },
      el("span", { class: "room-line" }, el("strong", { class: "cut", dir: "auto" }, roomName(name)), last ? el("span", { class: "quiet" }, clockOrDay(last.time)) : null),
      el("span", { class: "room-line" }, said,
        STANDINGS[standing] ? el("span", { class: "tag" }, STANDINGS[standing].tag) : null,
        undecided > 0 ? el("span", { class: "tag bad" }, `${undecided} undecided`) : null,
        unread > 0 ? el("span", { class: "unread" }, unread > 999 ? "999+" : String(unread), el("span", { class: "only-spoken" }, ` unread ${unread === 1 ? "message" : "messages"}`)) : null))));
}
