// Everything that can be ordered of the network, in sections that open.

import { get, post } from "/web/base/api.js";
import { button, confirmed, el, fill, notice } from "/web/base/dom.js";
import { count } from "/web/base/format.js";
import { short } from "../model/names.js";
import { number } from "./fields.js";
import { links, ruleList } from "./links.js";
import { shares } from "./rates.js";
import { splitter } from "./splitter.js";

/** `page` as for `openNode`. `{ element, update() }`. */
export function controlsView(page) {
  const split = splitter(page);
  const rates = shares(page);
  const rules = el("div", { id: "rules" });
  let shownRules = null;
  let shownNodes = "";
  const reorgNode = el("select", { id: "reorg-node" });

  const sections = [
    section("mine", "Mining", mining(page), true),
    section("split", "Split and heal", split.element, false, () => split.show()),
    section("links", "Slow and lossy links", links(page, rules)),
    section("rates", "Who has how much power", rates.element, false, () => rates.read()),
    section("reorg", "Force a reorganisation", reorg(page, reorgNode)),
    section("nodes", "More nodes", adding(page)),
    section("stop", "Shut down", stopping(page)),
  ];
  const note = el(
    "p",
    { class: "quiet", id: "orders-note", hidden: true },
    "Orders are for the live network as it is now. Choose Live at the bottom, or go back from the run, to give some.",
  );
  const element = el("div", { class: "controls" }, note, sections);

  return {
    element,
    update() {
      note.hidden = page.live();
      for (const one of sections) one.hidden = !page.live();
      if (!page.live()) return;
      const { network } = page.scene();
      if (network.rules !== shownRules) {
        shownRules = network.rules;
        fill(rules, ruleList(network.rules));
      }
      const nodes = network
        .present()
        .map((node) => `${node.number}${node.state}`)
        .join();
      if (nodes === shownNodes) return;
      shownNodes = nodes;
      split.show();
      const chosen = reorgNode.value;
      fill(
        reorgNode,
        el("option", { value: "" }, "the first that runs"),
        network.running().map(({ number }) => el("option", { value: number }, `node ${number}`)),
      );
      reorgNode.value = [...reorgNode.options].some((option) => option.value === chosen) ? chosen : "";
      if (element.querySelector("#do-rates").open) rates.read();
    },
  };
}

function section(name, title, content, open = false, onOpen = () => {}) {
  const made = el(
    "details",
    { class: "section", id: `do-${name}`, open, on: { toggle: () => made.open && onOpen() } },
    el("summary", {}, title),
    el("div", { class: "inside" }, content),
  );
  return made;
}

/** Starts bursts, or mining without end. */
export async function mine(options) {
  const query = new URLSearchParams(options);
  const job = await post(`/start/mining?${query}`);
  notice(
    job.kind === "continuous"
      ? `Job ${job.job}: every node mines until it is stopped.`
      : `Job ${job.job}: ${job.times} bursts, ${job.min} to ${job.max} s apart.`,
  );
}

/** Ends the mining job. */
export async function stopMining() {
  const { stopped, job, done } = await post("/stop/mining");
  notice(
    stopped ? `Job ${job} was stopped${done > 0 ? ` after ${count(done, "burst")}` : ""}.` : "Nothing is being mined.",
  );
}

function mining(page) {
  const times = number("mine-times", 10, 1, 100000, 1);
  const min = number("mine-min", 1, 0, 3600, 0.1);
  const max = number("mine-max", 3, 0, 3600, 0.1);
  const then = async (act) => {
    await act();
    await page.refresh();
  };
  return el(
    "div",
    { class: "stack tight" },
    el("p", { class: "quiet" }, "In a burst all nodes look for the next block at once; the first that finds it wins."),
    el(
      "div",
      { class: "row end" },
      el("label", { class: "grow" }, "Bursts", times),
      el("label", { class: "grow" }, "Apart, from (s)", min),
      el("label", { class: "grow" }, "to (s)", max),
    ),
    el(
      "div",
      { class: "row" },
      button("Start the bursts", () => then(() => mine({ times: times.value, min: min.value, max: max.value })), {
        id: "mine-bursts",
        class: "main",
      }),
      button("Mine without end", () => then(() => mine({ continuous: true })), { id: "mine-continuous" }),
      button("Stop", () => then(stopMining), { id: "mine-stop" }),
    ),
  );
}

function reorg(page, node) {
  const depth = number("reorg-depth", 2, 1, 100, 1);
  const leave = el("textarea", { id: "reorg-leave-out", placeholder: "ids, one a line", spellcheck: "false" });
  return el(
    "div",
    { class: "stack tight" },
    el(
      "p",
      { class: "quiet" },
      "A node mines another branch in silence, longer than the chain, and publishes it. Nothing is faked: every node changes over because there is more work in it.",
    ),
    el(
      "div",
      { class: "row end" },
      el("label", { class: "grow" }, "Blocks to take back", depth),
      el("label", { class: "grow" }, "Mined by", node),
    ),
    el(
      "details",
      {},
      el("summary", {}, "Leave transactions out"),
      el("label", {}, "Ids of transactions that the new branch must not have", leave),
    ),
    el(
      "div",
      { class: "row" },
      button(
        "Reorganise",
        async () => {
          const done = await post("/reorg", {
            depth: Number(depth.value),
            node: node.value === "" ? null : Number(node.value),
            leave_out: leave.value.split(/\s+/).filter(Boolean),
          });
          notice(
            `Node ${done.node} mined another branch from height ${done.fork_height} on; the tip is now block ${done.height} (${short(done.to)}).`,
          );
          await page.refresh();
        },
        { id: "reorg-order", class: "main" },
      ),
    ),
  );
}

/** Adds a node. */
export async function addNode(page) {
  const node = await post("/nodes");
  notice(`Node ${node.number} has joined.`);
  await page.refresh();
}

function adding(page) {
  return el(
    "div",
    { class: "stack tight" },
    el(
      "p",
      { class: "quiet" },
      "One more node joins, and gets the chain from the others. To kill, pause, restart or remove one, open it in the list of nodes.",
    ),
    el(
      "div",
      { class: "row" },
      button("Add a node", () => addNode(page), { id: "node-add", class: "main" }),
    ),
  );
}

function stopping(page) {
  return el(
    "div",
    { class: "stack tight" },
    el("p", { class: "quiet" }, "Ends every node, and then the manager. All chains stay on disk."),
    el(
      "div",
      { class: "row" },
      button(
        "Shut everything down",
        async () => {
          const status = await get("/status");
          if (
            !(await confirmed(
              "Shut the network down?",
              `All ${status.nodes.running} running nodes end, and then the manager. The chains stay in ${status.manager.folder}.`,
              "Shut it down",
            ))
          )
            return;
          page.leaving();
          const { stopped } = await post("/shutdown/all");
          notice(`${stopped} nodes have ended, and the manager with them.`);
        },
        { id: "shutdown", class: "danger" },
      ),
    ),
  );
}
