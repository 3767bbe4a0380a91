// All nodes: a card for each of a few, a tile for each of many. Only what has changed is touched.

import { el, text } from "/web/base/dom.js";
import { bytes, hashRate } from "/web/base/format.js";
import { nodeColour } from "../model/colour.js";
import { numbers, short } from "../model/names.js";

/** From so many nodes on they are tiles. */
const MANY = 25;
const PAUSE = 400;
const WORDS = { running: "running", starting: "starting", paused: "paused", ended: "down" };
const TAGS = { running: "good", starting: "warn", paused: "warn", ended: "bad" };

const rate = (most) => (most === null ? "full" : hashRate(most));

/** `onOpen(number)` is called when a node is chosen. `update(scene, health)`: `health` is number → what `GET /nodes` says. */
export function nodesView({ onOpen }) {
  const list = el("ul", { class: "nodes", id: "nodes" });
  const heading = el("h2", { id: "nodes-title" }, "Nodes");
  const counted = el("span", { class: "quiet", id: "nodes-count" });
  const element = el(
    "section",
    { class: "card nodes-card", "aria-labelledby": "nodes-title" },
    el("div", { class: "row spread" }, heading, counted),
    list,
  );
  const cards = new Map();
  let drawn = -Infinity;

  function make(number) {
    const square = el("i", { class: "square", "aria-hidden": "true" }, number);
    square.style.background = nodeColour(number);
    const parts = {
      state: el("span", { class: "tag" }),
      height: el("b", { class: "number" }),
      tip: el("span", { class: "mono quiet" }),
      group: el("span", { class: "tag group", hidden: true }),
      rate: el("dd", { class: "number" }),
      peers: el("dd", { class: "number" }),
      pool: el("dd", { class: "number" }),
      memory: el("dd", { class: "number" }),
    };
    const figure = (name, value, title) => el("div", { title }, el("dt", {}, name), value);
    const card = el(
      "button",
      { type: "button", class: "node", dataset: { node: number }, on: { click: () => onOpen(number) } },
      el("span", { class: "top" }, square, el("span", { class: "name" }, `Node ${number}`), parts.state),
      el("span", { class: "tip" }, parts.height, parts.tip, parts.group),
      el(
        "dl",
        {},
        figure("rate", parts.rate, "Hashes tried in a second, at most"),
        figure("peers", parts.peers, "Nodes it is connected with"),
        figure("pool", parts.pool, "Transactions that wait to be mined"),
        figure("memory", parts.memory, "Memory that belongs to it alone"),
      ),
    );
    return { item: el("li", {}, card), card, parts, key: "", state: "" };
  }

  function change(known, node, health, best, group, many) {
    const { card, parts } = known;
    if (known.state !== node.state) {
      known.state = node.state;
      card.dataset.state = node.state;
      text(parts.state, WORDS[node.state] ?? node.state);
      parts.state.className = `tag ${TAGS[node.state] ?? ""}`;
    }
    card.dataset.height = node.height;
    card.dataset.tip = node.tip ?? "";
    card.classList.toggle("off", !!best && node.state === "running" && node.tip !== best.hash);
    text(parts.height, node.height);
    if (many) return;
    text(parts.tip, node.tip ? short(node.tip) : "");
    parts.group.hidden = group < 0;
    text(parts.group, group < 0 ? "" : `side ${String.fromCharCode(65 + (group % 26))}`);
    text(
      parts.rate,
      health && "hash_rate" in health
        ? rate(health.hash_rate)
        : node.hashRate === undefined
          ? "–"
          : rate(node.hashRate),
    );
    text(parts.peers, health?.peers ?? "–");
    text(parts.pool, node.pool);
    text(parts.memory, bytes(health?.memory?.own));
  }

  return {
    element,
    update({ network }, health) {
      const present = network.present();
      const best = network.best();
      const groups = network.groups;
      const many = present.length >= MANY;
      // Of many, not each step is worth a layout of all.
      if (many && performance.now() - drawn < PAUSE && cards.size === present.length) return;
      drawn = performance.now();
      list.classList.toggle("many", many);
      const running = present.filter((node) => node.state === "running").length;
      text(
        counted,
        `${running} of ${present.length} running${groups.length > 0 ? ` · split ${groups.length < 4 ? groups.map(numbers).join(" | ") : `into ${groups.length} groups`}` : ""}`,
      );
      const wanted = new Set(present.map((node) => node.number));
      for (const [number, { item }] of cards) {
        if (wanted.has(number)) continue;
        item.remove();
        cards.delete(number);
      }
      for (const [at, node] of present.entries()) {
        let known = cards.get(node.number);
        if (!known) {
          known = make(node.number);
          cards.set(node.number, known);
          list.insertBefore(known.item, list.children[at] ?? null);
        }
        const told = health.get(node.number);
        let group = groups.findIndex((members) => members.includes(node.number));
        if (groups.length > 0 && group < 0) group = groups.length;
        const shown = [node.state, node.height, node.tip, best?.hash === node.tip, many];
        const key = (
          many ? shown : [...shown, node.pool, node.hashRate, told?.hash_rate, told?.peers, told?.memory?.own, group]
        ).join(" ");
        if (key === known.key) continue;
        known.key = key;
        change(known, node, told, best, group, many);
      }
    },
  };
}
