// The wallet: which account is in use, and its pages.

import { el, fill } from "/web/base/dom.js";
import { card, empty, face, go, heading, route, whole } from "../../parts.js";
import { loggedIn, onSession, practising, session } from "../../server.js";
import { balanceRegion, historyRegion, nothingYet } from "../history.js";
import { account } from "./account.js";
import { logInForm, restoreForm, signUpForm } from "./enter.js";
import { receive } from "./receive.js";
import { send } from "./send.js";

const TABS = [["", "Balance"], ["send", "Send"], ["receive", "Receive"], ["account", "Account"]];
const ENTRANCES = { "log-in": { title: "Log in", show: logInForm }, "sign-up": { title: "Sign up", show: signUpForm }, restore: { title: "Restore from words", show: restoreForm } };

/** The pages `#/wallet…`. */
export function wallet(scope, [part = ""], query) {
  const place = el("div", { class: "stack" });
  // What is being typed outlives news about the session: only another account is another page.
  let shownFor;
  const draw = () => {
    const whose = session.account ? `${session.account.address} ${loggedIn()}` : session.refusal?.message;
    if (whose === shownFor || place.dataset.held) return;
    shownFor = whose;
    fill(place, content(scope, part, query, place));
  };
  scope.finally(onSession(draw));
  draw();
  return place;
}

function content(scope, part, query, place) {
  const { account: used, refusal } = session;
  if (refusal && refusal.status !== 401) return [heading("Wallet"), card(null, empty(refusal.message))];
  if (Object.hasOwn(ENTRANCES, part)) return entrance(ENTRANCES[part], place);
  if (!used) return welcome();
  return [
    heading("Wallet", practising() ? [go("#/wallet/sign-up", "Sign up"), go("#/wallet/log-in", "Log in")] : null),
    practising() ? el("p", { class: "banner", id: "practice" }, el("strong", {}, "This is the practice account: "), "everybody who reaches this node may spend from it, without a password. Sign up to have an account of your own.") : null,
    tabs(part), page(scope, part, query, used),
  ];
}

function page(scope, part, query, used) {
  switch (part) {
    case "send": return send(scope, query);
    case "receive": return receive(used);
    case "account": return account(used);
    default: return [
      el("section", { class: "card stack" },
        el("div", { class: "owner" }, face(used.address, 48), el("div", {}, el("strong", { id: "wallet-name" }, used.name), el("div", {}, whole(used.address, "your address")))),
        balanceRegion(scope, used.address)),
      card("History", historyRegion(scope, used.address, nothingYet(go("#/wallet/receive", "Show my address"), go("#/mine", "Mine")))),
    ];
  }
}

const tabs = (part) => el("nav", { class: "tabs", "aria-label": "Wallet" }, TABS.map(([name, words]) => el("a", { href: route("wallet", ...(name ? [name] : [])), "aria-current": name === part ? "page" : null }, words)));

function entrance({ title, show }, place) {
  const box = el("section", { class: "card stack narrow" });
  fill(box, show(box, place));
  return [heading(title), box];
}

const welcome = () => [
  heading("Wallet"),
  card(null, empty("An account has a key of its own on this node: with it you pay, and sign records. It is opened by your password, and by nothing else.",
    go("#/wallet/sign-up", "Sign up", { id: "to-sign-up" }), go("#/wallet/log-in", "Log in", { id: "to-log-in" }), go("#/wallet/restore", "Restore from words"))),
];
