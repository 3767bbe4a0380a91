// The chat: who uses it, the rooms beside the one that is open, and what else stands in that one's place.

import { get } from "/web/base/api.js";
import { el, fill } from "/web/base/dom.js";
import { concerns } from "../../rooms.js";
import { Scope } from "../../scope.js";
import { card, empty, go, heading } from "../../parts.js";
import { loggedIn, onSession, session } from "../../server.js";
import { newRoom } from "./new.js";
import { firstProfile, profile } from "./profile.js";
import { room } from "./room.js";
import { roomList } from "./list.js";
import { welcome } from "./welcome.js";

/** What `/chat/profile` said last, and of whom. */
const known = { address: null, profile: null };

/** The pages `#/chat…`. */
export function chat(scope, [part = ""]) {
  const place = el("div", { class: "chat-place" });
  let inner = new Scope();
  scope.finally(() => inner.close());
  let shown;
  const draw = () => {
    const { account, refusal } = session;
    const whose = known.address === account?.address ? known.profile : null;
    const now = JSON.stringify([account?.address, loggedIn(), refusal?.message, whose ? whose.state === "none" : null]);
    if (now === shown) return;
    shown = now;
    inner.close();
    inner = new Scope();
    fill(place, content(inner, part, whose));
  };
  const read = async () => {
    const address = session.account?.address ?? null;
    if (!address) return;
    try {
      const found = await get("/chat/profile");
      if (address === session.account?.address) Object.assign(known, { address, profile: found });
    } catch (error) {
      if (!scope.closed && known.address !== address) fill(place, heading("Chat"), card(null, empty(error.message)));
      return;
    }
    if (!scope.closed) draw();
  };
  scope.finally(onSession(() => {
    draw();
    read();
  }));
  scope.hear((news) => {
    if (concerns(news) && (news.kind !== "chat" || news.event.room === null)) read();
  });
  draw();
  read();
  return place;
}

function content(scope, part, profileNow) {
  const { account, refusal } = session;
  if (!account) return refusal && refusal.status !== 401 ? [heading("Chat"), card(null, empty(refusal.message))] : welcome();
  if (!profileNow) return [heading("Chat"), el("p", { class: "quiet" }, "Loading…")];
  if (profileNow.state === "none") return firstProfile();
  return el("div", { class: "chat", dataset: { view: part === "" ? "list" : "room" } },
    roomList(scope, part, profileNow), pane(scope, part));
}

function pane(scope, part) {
  if (part === "new") return beside(newRoom());
  if (part === "profile") return beside(profile(scope));
  if (/^[0-9a-f]{32}$/.test(part)) return room(scope, part);
  if (part !== "") return beside([heading("No such room"), el("p", {}, "The address names no room."), go("#/chat", "To the rooms")]);
  return el("section", { class: "chat-pane nothing-open" }, empty("Choose a room, or open a new one.", go("#/chat/new", "New room")));
}

const beside = (children) => el("section", { class: "chat-pane" }, el("div", { class: "chat-form stack" }, el("a", { class: "back narrow-only", href: "#/chat" }, "‹ Rooms"), children));
