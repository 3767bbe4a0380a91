// The node's page begins here: the frame around all pages, and which page an address names.

import { avatar } from "/web/base/avatar.js";
import { get } from "/web/base/api.js";
import { el, fill, notice, themeSwitch } from "/web/base/dom.js";
import { count, whole } from "/web/base/format.js";
import { begin, hear, live, reopen } from "./live.js";
import { face, go } from "./parts.js";
import { keepRooms, onRooms, unread } from "./rooms.js";
import { Scope } from "./scope.js";
import { loggedIn, onSession, refresh, session, takeEnded } from "./server.js";
import { keepTags } from "./status.js";
import { address } from "./pages/address.js";
import { block } from "./pages/block.js";
import { blocks } from "./pages/blocks.js";
import { chat } from "./pages/chat/chat.js";
import { check } from "./pages/check.js";
import { addRecord } from "./pages/ledger/add.js";
import { ledger } from "./pages/ledger/list.js";
import { mine } from "./pages/mine.js";
import { note, overview } from "./pages/overview.js";
import { peers } from "./pages/peers.js";
import { pool } from "./pages/pool.js";
import { find, search } from "./pages/search.js";
import { transaction } from "./pages/transaction.js";
import { wallet } from "./pages/wallet/wallet.js";

/** What the navigation shows, in this order: the first part of the route, and its name. */
const NAVIGATION = [
  ["", "Overview"], ["blocks", "Blocks"], ["pool", "Pool"], ["peers", "Peers"], ["mine", "Mine"], ["wallet", "Wallet"], ["chat", "Chat"], ["ledger", "Ledger"],
  ["check", "Check a receipt"],
];

/**
 * Pages by the first part of the route: each is given a scope, the parts that follow, and the query, and returns its content.
 * `under` is the entry of the navigation that is marked.
 */
const PAGES = {
  "": { show: overview, title: "Overview" },
  blocks: { show: blocks, title: "Blocks" },
  block: { show: block, title: "Block", under: "blocks" },
  transaction: { show: transaction, title: "Transaction", under: "blocks" },
  address: { show: address, title: "Address", under: "blocks" },
  search: { show: search, title: "Search", under: "blocks" },
  pool: { show: pool, title: "Pool" },
  peers: { show: peers, title: "Peers" },
  mine: { show: mine, title: "Mine" },
  wallet: { show: wallet, title: "Wallet" },
  chat: { show: chat, title: "Chat" },
  ledger: { show: (scope, parts, query) => (parts[0] === "add" ? addRecord(scope, parts, query) : ledger(scope, parts, query)), title: "Ledger" },
  check: { show: check, title: "Check a receipt" },
};

const main = el("main", { id: "main", tabindex: "-1" });
const badge = el("span", { class: "unread", id: "unread", hidden: true });
const navigation = el("nav", { class: "navigation", "aria-label": "Pages" });
const chip = el("a", { class: "button chip", id: "account", href: "#/wallet" });
const name = el("span", {}, "Node");
const emblem = el("span", { class: "emblem" });
const state = el("span", { class: "tag", id: "live", role: "status" });
const figures = el("span", { class: "figures number quiet", id: "figures" });
let scope = new Scope();
let shownPage = null;
let nodeName = "Node";
let title = "Node";

function frame() {
  const box = el("input", { id: "search", type: "search", placeholder: "Height, hash or address", "aria-label": "Search for a height, a hash or an address", autocomplete: "off", spellcheck: "false", autocapitalize: "none" });
  const form = el("form", { id: "search-form", class: "search", role: "search" }, box, el("button", { type: "submit" }, "Find"));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    location.hash = await find(box.value);
    box.value = "";
  });
  document.body.append(
    el("a", { class: "skip", href: "#main", on: { click: (event) => {
      event.preventDefault();
      main.focus();
    } } }, "To the content"),
    el("header", { class: "top" },
      el("div", { class: "bar" }, el("a", { class: "brand", href: "#/" }, emblem, name), form, chip, themeSwitch()),
      el("div", { class: "bar under" }, navigation, el("span", { class: "row state" }, figures, state))),
    main,
    el("footer", { class: "quiet" }, el("a", { href: "/docs" }, "The API behind these pages"), " · ", "everything here comes from this node, and nothing from elsewhere"),
  );
}

function drawNavigation(under) {
  fill(navigation, NAVIGATION.map(([part, words]) => el("a", { href: `#/${part}`, "aria-current": part === under ? "page" : null, dataset: { page: part || "overview" } }, words, part === "chat" ? badge : null)));
  showCurrent();
}

const showCurrent = () => navigation.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });

function drawState() {
  const isLive = live.state === "live";
  state.textContent = isLive ? "live" : "waiting for the node…";
  state.className = `tag ${isLive ? "good" : "warn"}`;
  state.dataset.state = live.state;
  document.body.classList.toggle("waiting", !isLive);
  const { health } = live;
  const catching = health?.catching_up;
  if (catching) {
    const { height, goal, blocks_per_second: rate, seconds_left: left } = catching;
    fill(figures, `catching up: block ${whole(height)} of ${whole(goal)}${rate ? ` · ${whole(rate)} a second` : ""}${left ? ` · ${whole(left)} s left` : ""}`);
  } else if (health) fill(figures, `block ${whole(health.height)} · ${whole(health.pending)} pending · ${count(health.peers, "peer")}${health.mining ? " · mining" : ""}`);
}

/** In a tab that nobody looks at, the title tells of new messages. */
function drawTitle() {
  document.title = `${unread() > 0 ? `(${unread()}) ` : ""}${title} · ${nodeName}`;
}

function drawUnread() {
  const count = unread();
  if (badge.hidden !== (count === 0)) {
    badge.hidden = count === 0;
    showCurrent();
  }
  drawTitle();
  fill(badge, count > 999 ? "999+" : count, el("span", { class: "only-spoken" }, " unread"));
}

function drawAccount() {
  const { account } = session;
  fill(chip, account ? [face(account.address, 20), account.name] : "Log in");
  chip.title = account ? (loggedIn() ? `Logged in as ${account.name}` : account.note) : "No account is in use";
  chip.dataset.account = account?.name ?? "";
}

/** The page that the address names, with its parts and query. */
function here() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { name: parts[0], parts: parts.slice(1), query: new URLSearchParams(query) };
}

function show() {
  const { name, parts, query } = here();
  const page = Object.hasOwn(PAGES, name) ? PAGES[name] : null;
  scope.close();
  scope = new Scope();
  main.dataset.page = page ? name || "overview" : "nowhere";
  const nowhere = () => [el("h1", { tabindex: "-1" }, "No such page"), el("p", {}, "The address names none of this node's pages."), go("#/", "To the overview")];
  fill(main, page ? page.show(scope, parts, query) : nowhere());
  drawNavigation(page?.under ?? name);
  title = page?.title ?? "No such page";
  drawTitle();
  const route = location.hash.split("?")[0];
  if (shownPage !== route && shownPage !== null) {
    window.scrollTo(0, 0);
    main.querySelector("h1")?.focus({ preventScroll: true });
  }
  shownPage = route;
}

async function introduce() {
  const { id, address } = await get("/node/id");
  nodeName = `Node ${address.replace(/^https?:\/\//, "")}`;
  fill(name, el("span", { class: "wide" }, "Node "), nodeName.slice("Node ".length));
  name.title = `Node ${id}`;
  fill(emblem, avatar(id, 28));
  drawTitle();
}

frame();
keepTags();
hear((news) => {
  if (news.kind === "event") note(news.event, Date.now());
  if (news.kind === "past") note(news.event, news.event.time ? news.event.time * 1000 : null);
  if (news.kind === "refresh") {
    introduce().catch(() => {});
    refresh();
  }
  if (["health", "state"].includes(news.kind)) drawState();
});
let streams = null;
onSession(() => {
  drawAccount();
  // A stream tells what is for an account alone only if it was opened as that account.
  const whose = session.account?.csrf ?? session.account?.address ?? "";
  if (streams !== null && streams !== whose) reopen();
  streams = whose;
  if (takeEnded()) notice("Your session has ended: log in again.", "bad");
});
drawState();
drawAccount();
onRooms(drawUnread);
await refresh();
keepRooms();
window.addEventListener("hashchange", show);
// Another tab may have logged in or out meanwhile.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") refresh();
});
show();
begin();
introduce().catch(() => {});
