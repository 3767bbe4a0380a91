// One member of a room: who it is, how to be sure of it, and what an admin can do.

import { confirmed, el } from "/web/base/dom.js";
import { called, groups } from "../../logic/chat/words.js";
import { face, whole } from "../../parts.js";
import { deed } from "./deed.js";

/** An entry of the list of people. `deeds` has `admin(address)`, `noAdmin(address)` and `remove(address)`; null for whoever may not. */
export function memberEntry(member, deeds) {
  const { address, name, admin, me, leaving, key_changed: changed } = member;
  const who = called(name, address);
  return el("li", {}, el("details", { class: "member", dataset: { member: address } },
    el("summary", {}, face(address, 28), el("span", { class: "cut", dir: "auto" }, who),
      me ? el("span", { class: "tag" }, "you") : null, admin ? el("span", { class: "tag" }, "admin") : null, leaving ? el("span", { class: "tag warn" }, "leaving") : null,
      changed ? el("span", { class: "tag bad" }, "changed key") : null),
    el("div", { class: "stack" }, whole(address, `the address of ${who}`),
      changed ? el("p", { class: "bad-text small" }, "This account has published another receiving key than before. Compare safety numbers before you trust it.") : null,
      member.safety_number ? safety(who, member.safety_number) : null,
      deeds && !me ? el("div", { class: "row" },
        admin ? deed("Take the admin's rights", () => deeds.noAdmin(address), { class: "small", dataset: { noAdmin: address } }) : deed("Make admin", () => deeds.admin(address), { class: "small", dataset: { makeAdmin: address } }),
        deed("Remove", async () => {
          if (await confirmed(`Remove ${who}?`, "The room gets a new key, so nothing that is written from then on can be read by whoever is removed. What was readable until then stays readable to them.", "Remove")) await deeds.remove(address);
        }, { class: "small danger", dataset: { remove: address } })) : null)));
}

function safety(who, number) {
  return el("details", { class: "safety" }, el("summary", { class: "small" }, "Safety number"),
    el("p", { class: "small quiet" }, `Read it to one another, face to face or on the telephone. If ${who} sees the same twelve groups, nobody stands between you.`),
    el("ol", { class: "groups mono", "aria-label": `Safety number with ${who}` }, groups(number).map((group) => el("li", {}, group))));
}
