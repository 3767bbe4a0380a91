// Looking after an account: its words, its password, its picture, other accounts, logging out.

import { button, el, fill, kept, notice } from "/web/base/dom.js";
import { isOn, turnOff, turnOn } from "../../gravatar.js";
import { belongsTo, card, face, facts, field, form, go, password, whole } from "../../parts.js";
import { act, logOut, loggedIn, session } from "../../server.js";
import { grid } from "./words.js";

/** The page `#/wallet/account`. */
export function account(used) {
  return [
    card("This account", facts([
      ["Name", used.name, "name"], ["Address", whole(used.address, "your address"), "address"], ["E-mail", used.email, "email"],
      ["Session", loggedIn() ? "It ends when it is not used for half an hour, or when the browser is closed." : used.note, "session"],
    ]), loggedIn() ? el("div", { class: "row" }, button("Log out", async () => {
      await logOut();
      notice("Logged out.");
      location.hash = "#/wallet";
    }, { id: "log-out" })) : null),
    el("div", { class: "two" }, exportWords(), loggedIn() ? changePassword() : null, pictures(used), others(used)),
  ];
}

function exportWords() {
  const shown = el("div", { class: "stack", id: "exported" });
  const secret = loggedIn() ? el("label", { for: "export-password" }, "Password again", password("export-password", "current-password")) : null;
  const hide = () => fill(shown);
  return card("Its words", el("p", { class: "quiet" }, "Whoever has them has the account. They restore it on any node."), form("export", [secret ? belongsTo(session.account.name) : null, secret], "Show the words", async () => {
    const { words, note } = await act("/wallet/export", secret ? { password: document.getElementById("export-password").value } : {});
    if (secret) document.getElementById("export-password").value = "";
    fill(shown, grid(words), el("p", { class: "quiet" }, note), el("button", { type: "button", id: "hide-words", on: { click: hide } }, "Hide them"));
  }), shown);
}

function changePassword() {
  const fields = [
    belongsTo(session.account.name),
    el("label", { for: "old-password" }, "Present password", password("old-password", "current-password")),
    el("label", { for: "new-password" }, "New password", password("new-password", "new-password"), el("small", { class: "quiet" }, "8 characters or more.")),
    el("label", { for: "new-password-again" }, "New password again", password("new-password-again", "new-password")),
  ];
  const made = form("change-password", fields, "Change the password", async () => {
    const [before, next, again] = ["old-password", "new-password", "new-password-again"].map((id) => document.getElementById(id).value);
    if (next !== again) throw new Error("The two new passwords are not the same.");
    await act("/wallet/password", { password: before, new_password: next });
    made.reset();
    notice("The password is changed. Other sessions of this account have ended.");
  });
  return card("Password", made);
}

function pictures({ address, email }) {
  const drawn = el("div", { class: "row" }, face(address, 48), el("p", { class: "quiet" }, isOn(address) ? "This picture is fetched from gravatar.com by this browser." : "This picture is drawn here, from the address alone."));
  if (isOn(address)) return card("Picture", drawn, el("div", { class: "row" }, button("Turn Gravatar off", () => turnOff(address), { id: "gravatar-off" })));
  const box = el("input", { id: "gravatar-email", type: "email", autocomplete: "email", value: email ?? "" });
  return card("Picture", drawn, form("gravatar", [field("Gravatar of an e-mail address", box,
    "Turning this on tells Gravatar, whenever this browser shows the picture, the SHA-256 of that e-mail address and the network address you come from. From the hash it can tell the address if it knows it. Off unless you turn it on, and in this browser only; the page is loaded anew.")],
  "Turn it on", async () => {
    if (!box.value.includes("@")) throw new Error("Type the e-mail address that your picture belongs to.");
    await turnOn(address, box.value);
    if (kept("gravatar") === null) throw new Error("This browser keeps nothing for pages, so the picture cannot be turned on.");
  }));
}

function others({ address }) {
  const named = session.named.filter((one) => one.address !== address && !one.note);
  return card("Other accounts", named.length > 0
    ? el("ul", { class: "plain" }, named.map((one) => el("li", { class: "row", dataset: { account: one.name } }, face(one.address, 22), one.name)))
    : el("p", { class: "quiet" }, "This node keeps no other account."),
  el("div", { class: "row" }, go("#/wallet/log-in", "Use another account"), go("#/wallet/sign-up", "Make one more"), go("#/wallet/restore", "Restore one")));
}
