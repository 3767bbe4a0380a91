// One block: what it is, and how it spread from node to node.

import { el, fill } from "/web/base/dom.js";
import { duration, time, whole } from "/web/base/format.js";
import { nodeColour } from "../model/colour.js";
import { difficulty, percentile, spread } from "../model/figures.js";
import { numbers, short } from "../model/names.js";

const BARS = 12;

/** `explorer(node, hash)` gives the address of a block's page at a node, or null. */
export function blockCard({ onSelect, onClose, explorer }) {
  const element = el("section", {
    class: "card block-card",
    id: "block",
    "aria-labelledby": "block-title",
    tabindex: "-1",
    hidden: true,
  });
  let shown = "";

  function show(scene, hash) {
    const block = hash ? scene.network.blocks.get(hash) : null;
    element.hidden = !hash;
    if (!hash) {
      shown = "";
      return;
    }
    // Built anew only if something in it is another, so that focus and scrolling stay.
    const children = block
      ? (scene.lanes.columns.get(block.height + 1) ?? [])
          .filter((other) => other.previous === hash)
          .map((other) => other.hash)
      : [];
    const onChain = block ? scene.network.onChains().has(hash) : false;
    const key = `${hash} ${block?.seen.size} ${children.length} ${onChain}`;
    if (key === shown) return;
    shown = key;
    const focused = element.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
    fill(element, block ? inside(scene.network, block, children, onChain) : missing(hash));
    if (focused) element.querySelector(`[data-focus="${focused}"]`)?.focus();
  }

  const close = () =>
    el(
      "button",
      {
        type: "button",
        class: "plain",
        id: "block-close",
        dataset: { focus: "close" },
        "aria-label": "Close the block",
        on: { click: onClose },
      },
      "✕",
    );

  function missing(hash) {
    return [
      el("div", { class: "row spread" }, el("h2", { id: "block-title" }, "Block"), close()),
      el("p", { class: "mono" }, hash),
      el("p", { class: "quiet" }, "No node has told of this block up to this moment."),
    ];
  }

  function inside(network, block, children, onChain) {
    const miner = network.minerOf(block);
    const times = spread(block);
    const hard = difficulty(network, block);
    const square = el("i", { class: "square large" }, block.height === 0 ? "G" : (miner ?? "?"));
    square.style.background = nodeColour(block.height === 0 ? null : miner);
    const link = (hash, focus) =>
      el(
        "button",
        {
          type: "button",
          class: "plain mono inline",
          dataset: { focus, block: hash },
          on: { click: () => onSelect(hash) },
        },
        short(hash),
      );
    const home = times.map(({ node }) => node).find((node) => explorer(node, block.hash));
    const row = (name, ...value) => [el("dt", {}, name), el("dd", {}, value)];
    return [
      el(
        "div",
        { class: "row spread" },
        el(
          "div",
          { class: "row" },
          square,
          el("h2", { id: "block-title" }, block.height === 0 ? "Genesis block" : `Block ${block.height}`),
          el("span", { class: onChain ? "tag good" : "tag warn" }, onChain ? "on a chain" : "stale"),
        ),
        close(),
      ),
      el("p", { class: "mono", id: "block-hash" }, block.hash),
      el(
        "dl",
        {},
        block.height > 0 && row("Mined by", miner === null ? "an unknown node" : `node ${miner}`),
        block.time !== null &&
          row(
            "Its own time",
            network.zero === null ? time(block.time * 1000) : `${Math.round(block.time - network.zero / 1000)} s`,
          ),
        block.height > 0 && row("Transactions", whole(block.transactions)),
        hard !== null && row("Difficulty", `${whole(hard)} hashes expected`),
        block.previous && row("Parent", link(block.previous, "parent")),
        children.length > 0 &&
          row(
            children.length === 1 ? "Child" : "Children",
            children.map((hash) => link(hash, hash)),
          ),
      ),
      times.length > 0 && spreading(network, times),
      home !== undefined &&
        el(
          "a",
          {
            href: explorer(home, block.hash),
            id: "block-explorer",
            dataset: { focus: "explorer" },
            target: "_blank",
            rel: "noopener",
          },
          `Open in node ${home}’s explorer`,
        ),
    ];
  }

  function spreading(network, times) {
    const after = times.map((one) => one.after);
    const last = after.at(-1);
    const missing = network
      .running()
      .map((node) => node.number)
      .filter((node) => !times.some((one) => one.node === node));
    const words =
      times.length === 1
        ? "Only one node has it."
        : `${times.length} nodes had it within ${duration(last)}: half of the others within ${duration(percentile(after.slice(1), 0.5))}.`;
    return el(
      "div",
      { class: "stack tight", id: "block-spread" },
      el("h3", {}, "How it spread"),
      el("p", { class: "quiet" }, words),
      times.length <= BARS
        ? bars(times, last)
        : [
            curve(times, last),
            el("details", {}, el("summary", { dataset: { focus: "times" } }, "Each node’s time"), bars(times, last)),
          ],
      missing.length > 0 &&
        el("p", { class: "warn-text" }, `Not yet at ${missing.length === 1 ? "node" : "nodes"} ${numbers(missing)}.`),
    );
  }

  return { element, show };
}

function bars(times, last) {
  return el(
    "ol",
    { class: "bars" },
    times.map(({ node, after }) => {
      const fillUp = el("i", { class: "bar" });
      fillUp.style.width = `${last > 0 ? Math.max(1, (100 * after) / last) : 1}%`;
      fillUp.style.background = nodeColour(node);
      return el(
        "li",
        { dataset: { node, after } },
        el("span", { class: "number" }, `node ${node}`),
        el("span", { class: "track" }, fillUp),
        el("span", { class: "number" }, `+${duration(after)}`),
      );
    }),
  );
}

/** The part of the nodes that had the block, over the time. */
function curve(times, last) {
  const [width, height] = [320, 110];
  const x = (after) => 36 + ((width - 46) * after) / (last || 1);
  const y = (part) => 8 + (height - 30) * (1 - part);
  let path = `M${x(0)} ${y(0)}`;
  times.forEach(({ after }, at) => {
    path += `H${x(after).toFixed(1)}V${y((at + 1) / times.length).toFixed(1)}`;
  });
  return el(
    "svg",
    {
      class: "plot",
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": `Half of the nodes had it after ${duration(
        percentile(
          times.map((one) => one.after),
          0.5,
        ),
      )}`,
    },
    [0, 0.5, 1].map((part) => [
      el("line", { class: "grid", x1: 36, x2: width - 10, y1: y(part), y2: y(part) }),
      el("text", { x: 32, y: y(part) + 4, "text-anchor": "end" }, `${part * 100} %`),
    ]),
    el("path", { class: "line a", d: path }),
    el("text", { x: 36, y: height - 6 }, "0"),
    el("text", { x: width - 10, y: height - 6, "text-anchor": "end" }, duration(last)),
  );
}
