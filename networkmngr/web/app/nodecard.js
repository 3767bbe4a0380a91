// One node: everything known of it, and all that can be ordered.

import { post } from "/web/base/api.js";
import { button, confirmed, dialog, el, fill, notice } from "/web/base/dom.js";
import { bytes, hashRate } from "/web/base/format.js";
import { rateField } from "./rates.js";

const ORDERS = {
  pause: {
    label: "Pause",
    done: "is paused",
    when: ["running"],
    hint: "Its process stands still; its connections stay.",
  },
  resume: { label: "Go on", done: "goes on", when: ["paused"], hint: "Its process goes on where it stood." },
  kill: {
    label: "Kill",
    done: "was killed",
    when: ["running", "paused", "starting"],
    hint: "Its process ends at once, as in a crash. Its chain stays on disk.",
  },
  restart: {
    label: "Start again",
    done: "was started again",
    when: ["running", "ended", "paused"],
    hint: "Another process goes on with its chain.",
  },
  remove: {
    label: "Remove",
    done: "was removed",
    when: ["running", "paused", "ended"],
    hint: "Takes it out of the network for good.",
    sure: true,
  },
};

/** Opens node `number`. `page` gives `scene()`, `health`, `explorer`, `live`, and `refresh()`. */
export function openNode(page, number) {
  return dialog(`Node ${number}`, (shown) => {
    const body = el("div", { class: "stack", id: "node-dialog", dataset: { node: number } });
    const draw = () => {
      const node = page.scene().network.nodes.get(number);
      const health = page.health.get(number);
      const state = node?.state ?? "removed";
      const row = (name, ...value) => [el("dt", {}, name), el("dd", {}, value)];
      const home = page.explorer(number);
      fill(
        body,
        el(
          "dl",
          {},
          row("State", state === "ended" && health?.exit ? `down: ${health.exit}` : state),
          row("Height", node?.height ?? "–"),
          row("Tip", el("span", { class: "mono" }, node?.tip ?? "–")),
          row("Mines for", el("span", { class: "mono" }, node?.miner ?? "–")),
          health?.hash_rate !== undefined && row("Hash rate", hashRate(health.hash_rate)),
          health?.peers !== undefined && row("Peers", health.peers),
          health?.memory &&
            row(
              "Memory",
              `${bytes(health.memory.own)} of its own, ${bytes(health.memory.resident)} with what it shares`,
            ),
          health?.pid && row("Process", health.pid),
        ),
        health?.last_lines?.length > 0 &&
          el(
            "details",
            {},
            el("summary", {}, "The last lines of its log"),
            el("pre", { class: "log" }, health.last_lines.join("\n")),
          ),
        home && el("a", { href: home, target: "_blank", rel: "noopener", id: "node-page" }, "Open its own page"),
        page.live() &&
          state !== "removed" &&
          el(
            "div",
            { class: "row", role: "group", "aria-label": "Orders" },
            Object.entries(ORDERS)
              .filter(([, order]) => order.when.includes(state))
              .map(([name, order]) =>
                button(order.label, () => give(name, order), {
                  dataset: { order: name },
                  title: order.hint,
                  class: order.sure ? "danger" : null,
                }),
              ),
          ),
        page.live() && state === "running" && rateField(number, health?.hash_rate, () => page.refresh()),
        el(
          "div",
          { class: "row" },
          el("button", { type: "button", id: "node-close", on: { click: () => shown.close() } }, "Close"),
        ),
      );
    };
    const give = async (name, order) => {
      if (
        order.sure &&
        !(await confirmed(
          `Remove node ${number}?`,
          "It leaves the network for good. Its files stay in the network’s folder.",
          "Remove it",
        ))
      )
        return;
      await post(`/nodes/${number}/${name}`);
      notice(`Node ${number} ${order.done}.`);
      await page.refresh();
      draw();
    };
    draw();
    return body;
  });
}
