// The newest blocks as a table: the tree for those who would rather read.

import { el, fill } from "/web/base/dom.js";
import { numbers, short } from "../model/names.js";
import { atMost } from "./frames.js";
import { view } from "./paint.js";

const SHOWN = 100;

/** `{ element, show(scene) }`; a block's hash is a button that calls `onSelect(hash)`. */
export function blockList(onSelect) {
  const body = el("tbody");
  const element = el(
    "div",
    { class: "scroll list", id: "tree-list", tabindex: "0", role: "region", "aria-label": "Blocks, newest first" },
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ["Height", "Block", "Miner", "Had by", "State", "Tip of"].map((name) => el("th", { scope: "col" }, name)),
        ),
      ),
      body,
    ),
  );
  let scene = null;
  const draw = atMost(500, () => {
    const focused = document.activeElement?.dataset?.block;
    const { network } = scene;
    const { tips, chains } = view(network);
    const newest = [...network.blocks.values()].sort((one, other) => other.height - one.height).slice(0, SHOWN);
    fill(
      body,
      newest.map((block) => {
        const tip = tips.get(block.hash);
        return el(
          "tr",
          {},
          el("td", { class: "number" }, block.height),
          el(
            "td",
            {},
            el(
              "button",
              {
                type: "button",
                class: "plain mono",
                dataset: { block: block.hash },
                on: { click: () => onSelect(block.hash) },
              },
              short(block.hash),
            ),
          ),
          el("td", {}, block.height === 0 ? "genesis" : (network.minerOf(block) ?? "?")),
          el("td", {}, `${block.seen.size} nodes`),
          el("td", {}, chains.has(block.hash) ? "on a chain" : "stale"),
          el("td", {}, tip ? numbers([...tip.up, ...tip.down].sort((one, other) => one - other)) : ""),
        );
      }),
    );
    if (focused) body.querySelector(`[data-block="${focused}"]`)?.focus();
  });
  return {
    element,
    show(next) {
      scene = next;
      draw();
    },
  };
}
