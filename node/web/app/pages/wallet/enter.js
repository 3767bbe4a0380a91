// Ways into an account: signing up, logging in, restoring one from its words.

import { post } from "/web/base/api.js";
import { el, fill, notice } from "/web/base/dom.js";
import { field, face, form, password } from "../../parts.js";
import { split } from "../../logic/words.js";
import { logIn, refresh, session } from "../../server.js";
import { wordsOnce } from "./words.js";

const WORDS = 24;
const LEAST = 8;

const nameField = (id) => field("Name", el("input", { id, autocomplete: "username", autocapitalize: "none", spellcheck: "false", maxlength: 32 }), "1 to 32 letters, digits, dots, hyphens and underscores. It stays on this node.");
const newPassword = (id) => field("Password", password(id, "new-password"), `${LEAST} characters or more, such as four random words. Nobody can reset it; only the words open the account without it.`);
const value = (id) => document.getElementById(id).value;

/** A field for the password a second time, and the check that both are the same. */
function twice(id, first) {
  const again = field("Password again", password(id, "new-password"));
  const check = () => {
    if (value(first).length < LEAST) throw new Error(`The password is too short: take ${LEAST} characters or more, such as four random words.`);
    if (value(id) !== value(first)) throw new Error("The two passwords are not the same.");
  };
  return { again, check };
}

/** Making an account. `box` is where the form stands, `place` the page around it, which must not change before the words are kept. */
export function signUpForm(box, place) {
  const { again, check } = twice("sign-up-again", "sign-up-password");
  const email = field("E-mail address (not needed)", el("input", { id: "sign-up-email", type: "email", autocomplete: "email" }), "Kept encrypted on this node alone, for yourself.");
  return [form("sign-up", [nameField("sign-up-name"), newPassword("sign-up-password"), again, email], "Make the account", async () => {
    check();
    const [name, secret] = [value("sign-up-name").trim(), value("sign-up-password")];
    const made = await post("/wallet/accounts", { name, password: secret, email: value("sign-up-email").trim() || null });
    place.dataset.held = "true";
    await logIn(made.name, secret).catch(() => refresh());
    wordsOnce(box, made, () => {
      delete place.dataset.held;
      notice("The account is yours.");
      location.hash = "#/wallet";
    });
  }), el("p", { class: "quiet" }, "Have you an account on this node? ", el("a", { href: "#/wallet/log-in" }, "Log in"), ". From elsewhere? ", el("a", { href: "#/wallet/restore" }, "Restore it from its words"), ".")];
}

/** Logging in, to one of the accounts of this node. */
export function logInForm() {
  const name = el("input", { id: "log-in-name", autocomplete: "username", autocapitalize: "none", spellcheck: "false" });
  const others = session.named.filter((account) => !account.note);
  const choices = others.length === 0 ? null : el("div", { class: "row", role: "group", "aria-label": "Accounts of this node" }, others.map((account) => el("button", { type: "button", class: "address", dataset: { account: account.name }, on: { click: () => {
    name.value = account.name;
    document.getElementById("log-in-password").focus();
  } } }, face(account.address, 20), account.name)));
  return [
    choices,
    form("log-in", [el("label", { for: name.id }, "Name", name), el("label", { for: "log-in-password" }, "Password", password("log-in-password", "current-password"))], "Log in", async () => {
      await logIn(name.value.trim(), value("log-in-password"));
      location.hash = "#/wallet";
    }),
    el("p", { class: "quiet" }, "No account yet? ", el("a", { href: "#/wallet/sign-up" }, "Sign up"), ". Password forgotten? ", el("a", { href: "#/wallet/restore" }, "The words open it again"), "."),
  ];
}

/** An account from its words. */
export function restoreForm(box) {
  const words = el("textarea", { id: "restore-words", autocomplete: "off", autocapitalize: "none", spellcheck: "false", rows: 4 });
  const box1 = field(`The ${WORDS} words`, words, "With spaces or lines between them; capitals do not matter.");
  words.addEventListener("input", () => {
    const count = split(words.value).length;
    box1.hint(count === 0 ? "With spaces or lines between them; capitals do not matter." : `${count} of ${WORDS} words.`, count > WORDS ? "bad-text" : "quiet");
  });
  const { again, check } = twice("restore-again", "restore-password");
  return [
    el("p", { class: "quiet" }, "Where this node has the account already, under the same name, it gets the new password."),
    form("restore", [box1, nameField("restore-name"), newPassword("restore-password"), again], "Restore the account", async () => {
      check();
      const secret = value("restore-password");
      const restored = await post("/wallet/restore", { name: value("restore-name").trim(), password: secret, words: words.value });
      words.value = "";
      await logIn(restored.name, secret);
      fill(box);
      location.hash = "#/wallet";
    }),
  ];
}
