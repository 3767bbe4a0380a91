// The orders that are given most, as buttons at the top: those that make sense now.

import { post } from "/web/base/api.js";
import { button, el, notice } from "/web/base/dom.js";
import { halves } from "../model/groups.js";
import { numbers } from "../model/names.js";
import { addNode, mine, stopMining } from "./controls.js";

/** `page` as for `openNode`. `{ element, update() }`. */
export function quickOrders(page) {
  const then = (act) => async () => {
    await act();
    await page.refresh();
  };
  const bursts = button(
    "Mine 10 rounds",
    then(() => mine({ times: 10 })),
    { id: "quick-bursts", class: "main" },
  );
  const endless = button(
    "Mine without end",
    then(() => mine({ continuous: true })),
    { id: "quick-continuous" },
  );
  const stop = button("Stop mining", then(stopMining), { id: "quick-stop", class: "main" });
  const split = button(
    "Split in halves",
    then(async () => {
      const groups = halves(
        page
          .scene()
          .network.present()
          .map((node) => node.number),
      );
      await post("/partition", { groups });
      notice(`Split: ${groups.map(numbers).join(" | ")} do not reach each other. Mine, and two chains grow.`);
    }),
    { id: "quick-split" },
  );
  const heal = button(
    "Heal the split",
    then(() => post("/heal")),
    { id: "quick-heal", class: "main" },
  );
  const add = button("Add a node", () => addNode(page), { id: "quick-add" });
  const element = el(
    "div",
    { class: "row quick", role: "group", "aria-label": "Orders" },
    bursts,
    endless,
    stop,
    split,
    heal,
    add,
  );
  return {
    element,
    update() {
      const { network } = page.scene();
      element.hidden = !page.live() || page.connection !== "live";
      const isSplit = network.groups.length > 0;
      stop.hidden = network.mining === null;
      bursts.hidden = network.mining !== null || isSplit;
      endless.hidden = network.mining !== null;
      split.hidden = isSplit || network.present().length < 2;
      heal.hidden = !isSplit;
    },
  };
}
