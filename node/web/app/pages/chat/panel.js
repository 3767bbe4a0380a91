// What there is to a room besides its messages: people, changes under way, and what can be done with it.

import { confirmed, el } from "/web/base/dom.js";
import { count, whole as digits } from "/web/base/format.js";
import { asked, sentence } from "../../logic/chat/words.js";
import { form } from "../../parts.js";
import { redraw } from "../../redraw.js";
import { act } from "../../server.js";
import { deed } from "./deed.js";
import { exported } from "./export.js";
import { memberEntry } from "./member.js";
import { picker } from "./picker.js";
import { protectionButton } from "./welcome.js";

/** The panel of a room; `draw(room)` whenever it is another. `again()` reads the room anew, `close()` leaves the panel. */
export function roomPanel(id, { again, close }) {
  const path = `/chat/rooms/${id}`;
  const ask = async (rest, body, method) => {
    await act(`${path}/${rest}`, body, method);
    await again();
  };
  const deeds = {
    admin: (member) => ask("admins", { member }),
    noAdmin: (address) => ask(`admins/${address}`, undefined, "DELETE"),
    remove: (address) => ask(`members/${address}`, undefined, "DELETE"),
  };
  let room = null;
  const title = el("h2", {});
  const people = el("ul", { class: "plain members-list", id: "people" });
  const changes = el("div", { class: "stack", id: "changes" });
  const invite = inviteForm(ask, () => room.people.map((member) => member.address));
  const rename = renameForm(ask);
  const newKey = el("div", { class: "stack tight" }, el("p", { class: "small quiet" }, "A new key for the same people: whoever has got hold of the present one reads nothing that is written from then on."), deed("New key", () => ask("rotate"), { class: "small", id: "rotate" }));
  const admins = el("details", { class: "section" }, el("summary", {}, "For admins"), el("div", { class: "stack" }, rename.element, newKey));
  const leave = deed("Leave the room", async () => {
    if (await confirmed("Leave this room?", "What was written until then stays readable to you. To come back, an admin has to invite you again.", "Leave")) await ask("leave");
  }, { class: "small danger", id: "leave" });
  const facts = el("p", { class: "small quiet" });
  const element = el("div", { class: "stack" },
    el("div", { class: "row spread" }, title, el("button", { type: "button", class: "plain small", "aria-label": "Close the list of people", on: { click: close } }, "✕")),
    people, changes, invite, admins,
    el("div", { class: "row section" }, deed("Export", () => exported(id), { class: "small", id: "export-room", title: "Everything that you can read here, with its transactions, as a file" }), leave, protectionButton()),
    facts);
  return {
    element,
    draw(next) {
      room = next;
      const present = ["member", "founding"].includes(room.standing);
      const mayChange = present && room.admin;
      title.textContent = count(room.people.length, "person", "people");
      redraw(people, room.people.map((member) => memberEntry(member, mayChange ? deeds : null)));
      redraw(changes, room.changes.map((change) => changeEntry(change, ask)));
      changes.hidden = room.changes.length === 0;
      invite.hidden = admins.hidden = !mayChange;
      leave.hidden = !present;
      rename.name(room.name ?? "");
      facts.textContent = !room.epoch ? "The first block brings the room's first key." : `Key number ${digits(room.epoch.number)}${room.epoch.height === null ? ", not confirmed yet" : `, since block ${digits(room.epoch.height)}`}. Every change of who is here brings a new one.`;
    },
  };
}

function inviteForm(ask, present) {
  const who = picker("invite-member", "Invite, by display name or address", { without: present });
  const history = el("input", { id: "invite-history", type: "checkbox" });
  return form("invite", [who.element, el("label", { class: "beside", for: history.id }, history, "can read what was written before")], "Invite", async () => {
    const [member] = who.members();
    if (!member) throw new Error("Type a display name or an address.");
    await ask("members", { member, history: history.checked });
    who.clear();
    history.checked = false;
  });
}

function renameForm(ask) {
  const box = el("input", { id: "rename-room", autocomplete: "off", maxlength: 64 });
  let was = null;
  const element = form("rename", [el("label", { for: box.id }, "Name of the room", box)], "Rename", async () => {
    if (box.value.trim() === "") throw new Error("Give the room a name.");
    await ask("name", { name: box.value.trim() });
  });
  return {
    element,
    /** What it is called now; what is being typed stays. */
    name(now) {
      if (was === null || box.value === was) box.value = now;
      was = now;
    },
  };
}

const STATES = { waiting: ["waiting", "warn"], pending: ["pending", "warn"], undone: ["did not happen", "bad"] };

/** How a change in these states is taken from the list. */
const ENDED = { waiting: "Take back", undone: "Dismiss" };

function changeEntry(change, ask) {
  const [words, kind] = STATES[change.state] ?? [change.state, ""];
  const end = ENDED[change.state];
  return el("div", { class: "change", dataset: { change: change.id, what: change.what, state: change.state } },
    el("div", { class: "row spread" }, el("span", {}, `${asked(change)}.`), el("span", { class: `tag ${kind}` }, words)),
    change.reason ? el("p", { class: "small quiet" }, sentence(change.reason)) : null,
    end ? deed(end, () => ask(`changes/${change.id}`, undefined, "DELETE"), { class: "small", dataset: { undo: change.id } }) : null);
}
