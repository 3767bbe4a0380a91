// The nodes that this one is connected to, and those that it knows: adding, forgetting, and asking them for better chains.

import { get, post } from "/web/base/api.js";
import { button, confirmed, el, notice } from "/web/base/dom.js";
import { count, ends, whole as digits } from "/web/base/format.js";
import { avatar } from "/web/base/avatar.js";
import { visible } from "../logic/visible.js";
import { live } from "../live.js";
import { card, empty, field, form, heading } from "../parts.js";
import { administer } from "../server.js";

/** The page `#/peers`. */
export function peers(scope) {
  const region = scope.region({
    load: () => get("/nodes"),
    wants: ({ kind, event }) => kind === "health" || (kind === "event" && event.event === "connected"),
    show: (nodes) => draw(nodes, () => region.again()),
  });
  const resolve = button("Ask them now", async () => {
    const { changed, height } = await post("/resolve");
    notice(changed ? `A better chain was found: the tip is at height ${digits(height)} now.` : `Nobody has a better chain than this one of height ${digits(height)}.`);
  }, { id: "resolve", class: "main" });
  return [
    heading("Peers", resolve),
    el("p", { class: "quiet" }, "Nodes tell each other of new blocks and transactions. Asked now, they tell whether they have a chain with more work."),
    region, card("Add a node", addForm(() => region.again())),
  ];
}

function draw({ peers, nodes }, again) {
  const connected = new Set(peers.map((peer) => peer.id));
  const others = Object.entries(nodes).filter(([id]) => !connected.has(id));
  return [
    peers.length > 0
      ? card(count(peers.length, "connected peer"), table(peers.map((peer) => row(peer, again)), ["Node", "Its page", "Connection", "Height", ""]))
      : card(null, empty("No peer is connected. Alone, this node can mine and keep records, but nobody shares them. Add a node below by its address.")),
    others.length > 0 ? card("Known, not connected", table(others.map(([id, http]) => known(id, http, again)), ["Node", "Its page", ""])) : null,
  ];
}

const table = (rows, columns) => el("div", { class: "scroll" }, el("table", { class: "list" }, el("thead", {}, el("tr", {}, columns.map((words) => el("th", { scope: "col" }, words)))), el("tbody", {}, rows)));

const node = (id) => el("td", {}, id ? el("span", { class: "address", title: id }, avatar(id, 22), el("span", { class: "mono" }, ends(id, 6))) : "not told");

/** A node's own page; only what is plainly a web address becomes a link, for a peer may say anything. */
const page = (http) => el("td", {}, /^https?:\/\/[^\s]+$/.test(http) ? el("a", { href: http, rel: "noreferrer" }, http.replace(/^https?:\/\//, "")) : el("span", { class: "quiet" }, visible(http) || "not told"));

function row({ id, http, address, outbound, height }, again) {
  return el("tr", { dataset: { peer: id ?? "" } }, node(id), page(http),
    el("td", {}, outbound ? "dialled" : "came by itself", el("div", { class: "mono quiet small wide" }, address)),
    el("td", { class: "number" }, digits(height), height < live.tip ? el("small", { class: "quiet" }, ` (${digits(live.tip - height)} behind)`) : null),
    el("td", {}, id ? forget(id, again) : null));
}

const known = (id, http, again) => el("tr", { dataset: { node: id } }, node(id), page(http), el("td", {}, forget(id, again)));

function forget(id, again) {
  return button("Remove", async () => {
    const sure = await confirmed("Remove this node?", `This node parts from ${ends(id, 6)} and dials it no more. It may come back by itself, and can be added again.`, "Remove it");
    if (!sure) return;
    await administer("DELETE", `/nodes/${id}`);
    notice("Removed.");
    await again();
  }, { class: "small danger", "data-key": `forget-${id}`, "aria-label": `Remove ${ends(id, 6)}`, dataset: { forget: id } });
}

function addForm(again) {
  const address = el("input", { id: "add-peer-address", placeholder: "http://127.0.0.1:5001", autocomplete: "off", spellcheck: "false", autocapitalize: "none" });
  const box = field("Address", address, "A node's web address, or its multiaddress, such as /ip4/127.0.0.1/tcp/40123/p2p/12D3Koo…");
  return form("add-peer", [box], "Add", async () => {
    const typed = address.value.trim();
    if (!typed) throw new Error("Type the address of a node.");
    const { registered } = await administer("POST", "/nodes/register", [typed]);
    notice(registered > 0 ? "Added: this node connects to it now." : "That node was known already.");
    address.value = "";
    await again();
  });
}
