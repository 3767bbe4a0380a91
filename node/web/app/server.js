// Who acts: the account that is logged in (by cookie), and whoever holds the node's admin token where it is open to others.

import { ask, get, post } from "/web/base/api.js";
import { dialog, el } from "/web/base/dom.js";

const changed = new Set();

/**
 * The account that this browser uses: `account` is what `/wallet` said (null if there is none), `named` the accounts of this
 * node, `refusal` why there are none (from another machine, say).
 */
export const session = { account: null, named: [], refusal: null, asked: false };

/** Whether somebody logged in with a password, other than the practice account, which everybody has. */
export const loggedIn = () => Boolean(session.account?.csrf);

/** Whether the practice account is in use. */
export const practising = () => Boolean(session.account?.note);

/** The name of an address on this node, if an account has it. */
export const nameOf = (address) => session.named.find((account) => account.address === address)?.name ?? null;

/** Calls `hearer` when another account is used, or when there are others. */
export function onSession(hearer) {
  changed.add(hearer);
  return () => changed.delete(hearer);
}

let asking = null;
let ended = false;

/** Asks who is logged in. */
export function refresh() {
  asking ??= askAgain().finally(() => { asking = null; });
  return asking;
}

/** Whether a session has ended by itself since this was last asked. */
export function takeEnded() {
  const was = ended;
  ended = false;
  return was;
}

async function askAgain() {
  const before = session.account?.csrf;
  const was = JSON.stringify([session.account?.address, session.account?.csrf, session.named, session.refusal?.message]);
  try {
    session.account = await get("/wallet").catch((error) => {
      if (error.status !== 401) throw error;
      // That answer removed the cookie of a session that has ended; a practice network has an account without one.
      return get("/wallet");
    });
    session.refusal = null;
  } catch (error) {
    if (error.status === 0 || error.status === 503) return;
    session.account = null;
    session.refusal = error;
  }
  try {
    session.named = await get("/wallet/accounts");
  } catch {
    session.named = [];
  }
  session.asked = true;
  const is = JSON.stringify([session.account?.address, session.account?.csrf, session.named, session.refusal?.message]);
  if (before && !loggedIn() && !leaving) ended = true;
  if (is !== was) changed.forEach((hearer) => hearer());
}

/** Acts in the name of the account in use. That its session has ended meanwhile, or is another's, is noticed. */
export async function act(path, body, method = "POST") {
  try {
    return await ask(method, path, body, session.account?.csrf ? { "x-csrf-token": session.account.csrf } : {});
  } catch (error) {
    if ([401, 403].includes(error.status)) await refresh();
    throw error;
  }
}

/** Logs in, and uses that account from now on. */
export async function logIn(name, password) {
  await post("/wallet/login", { name, password });
  await refresh();
}

let leaving = false;

/** Ends the session. */
export async function logOut() {
  leaving = true;
  try {
    await act("/wallet/logout").catch((error) => {
      if (error.status !== 401) throw error;
    });
    await refresh();
  } finally {
    leaving = false;
  }
}

const TOKEN = "admin-token";

/** Does what needs the admin token on a node that is open to other machines; it is asked for once and kept for this tab. */
export async function administer(method, path, body) {
  const token = sessionStorage.getItem(TOKEN);
  try {
    return await ask(method, path, body, token ? { authorization: `Bearer ${token}` } : {});
  } catch (error) {
    if (error.status !== 401) throw error;
    const given = await askToken(error.message);
    if (!given) throw error;
    sessionStorage.setItem(TOKEN, given);
    return administer(method, path, body);
  }
}

async function askToken(words) {
  const field = el("input", { id: "admin-token", type: "password", autocomplete: "off", spellcheck: "false" });
  const answer = await dialog("The node's admin token", (shown) => el("form", { class: "stack", on: { submit: (event) => {
    event.preventDefault();
    shown.close("yes");
  } } },
  el("p", {}, words),
  el("label", { for: "admin-token" }, "Token", field),
  el("div", { class: "row" },
    el("button", { type: "submit", class: "main" }, "Use it in this tab"),
    el("button", { type: "button", on: { click: () => shown.close("") } }, "Cancel"))));
  return answer === "yes" ? field.value.trim() : "";
}
