// The display name that others see: chosen before the first message, and changed later.

import { get } from "/web/base/api.js";
import { el } from "/web/base/dom.js";
import { called } from "../../logic/chat/words.js";
import { visible } from "../../logic/visible.js";
import { card, face, field, form, go, heading } from "../../parts.js";
import { concerns } from "../../rooms.js";
import { act, practising, session } from "../../server.js";
import { protection } from "./welcome.js";

const LONGEST = 64;

function nameForm(name, action, done) {
  const box = el("input", { id: "profile-name", value: name, autocomplete: "nickname", maxlength: LONGEST });
  const hint = `1 to ${LONGEST} bytes. Everybody can see it, for ever: the chain keeps it, with the key that others seal messages to you with.`;
  return form("profile", [field("Display name", box, hint)], action, async () => {
    if (box.value.trim() === "") throw new Error("Type a name.");
    await act("/chat/profile", { name: box.value.trim() });
    await done?.();
  });
}

/** For an account that has none yet. */
export const firstProfile = () => [
  heading("Chat"),
  practising() ? practiceBanner() : null,
  el("section", { class: "card stack narrow" },
    el("h2", {}, "How shall others see you?"),
    el("div", { class: "owner" }, face(session.account.address, 48), el("p", { class: "quiet" }, "This picture belongs to your address. Others see it beside the name.")),
    nameForm(practising() ? "" : session.account.name, "Use this name")),
  card("What is protected, and what is not", protection()),
];

/** That everybody may use the account. */
export const practiceBanner = () => el("p", { class: "banner", id: "practice" }, el("strong", {}, "This is the practice account: "), "everybody who reaches this node may read and write as it. ",
  el("a", { href: "#/wallet/sign-up" }, "Sign up"), " to have an account of your own.");

const STATES = { waiting: "waits to go out", pending: "waits to be confirmed", confirmed: "confirmed" };

/** The page `#/chat/profile`. */
export function profile(scope) {
  const region = scope.region({
    id: "profile-now",
    load: () => get("/chat/profile"),
    wants: (news) => concerns(news) && (news.kind !== "chat" || news.event.room === null),
    show: ({ address, name, state, reason }) => [
      el("div", { class: "owner" }, face(address, 48), el("div", {}, el("strong", {}, called(name, address)), el("div", { class: "quiet" }, STATES[state] ?? state, reason ? `: ${visible(reason)}` : ""))),
      nameForm(name ?? "", "Change it", () => region.again()),
    ],
  });
  return [heading("Your display name"), practising() ? practiceBanner() : null, region, go("#/chat", "To the rooms", { class: "button" })];
}
