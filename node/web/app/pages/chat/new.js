// Opening a room: its name, and who is in it from the beginning.

import { el } from "/web/base/dom.js";
import { field, form, go, heading, route } from "../../parts.js";
import { readRoomsSoon } from "../../rooms.js";
import { act, session } from "../../server.js";
import { picker } from "./picker.js";

/** The page `#/chat/new`. */
export function newRoom() {
  const name = el("input", { id: "room-name", autocomplete: "off", maxlength: 64 });
  const people = picker("room-members", "Members, by display name or address", { many: true, without: () => [session.account.address] });
  return [
    heading("New room"),
    form("new-room-form", [
      field("Name", name, "1 to 64 bytes. Only members can read it."),
      people.element,
    ], "Open the room", async () => {
      if (name.value.trim() === "") throw new Error("Give the room a name.");
      const { id } = await act("/chat/rooms", { name: name.value.trim(), members: people.members() });
      readRoomsSoon();
      location.hash = route("chat", id);
    }, { beside: [go("#/chat", "Cancel")] }),
    el("p", { class: "quiet small" }, "You can write at once; the first block confirms the room, and others see it as soon as their nodes hear of it. That these people share a room, and who is its admin, is public on the chain. You can invite more of them later."),
  ];
}
