// The editor for a split: nodes are dragged into groups, or named in the field and moved by the selector.

import { post } from "/web/base/api.js";
import { button, el, fill, notice } from "/web/base/dom.js";
import { nodeColour } from "../model/colour.js";
import { groupOf, halves, moved, present, problem, without } from "../model/groups.js";
import { numbers, parseNumbers } from "../model/names.js";

const letter = (index) => String.fromCharCode(65 + (index % 26));

/** `page` gives `scene()` and `refresh()`. */
export function splitter(page) {
  let groups = [];
  let marked = new Set();
  const boxes = el("div", { class: "groups", id: "groups" });
  const named = el("input", {
    id: "split-nodes",
    placeholder: "0-2, 5",
    "aria-describedby": "split-hint",
    on: {
      input: () => {
        marked = new Set(parseNumbers(named.value) ?? []);
        show();
      },
    },
  });
  const target = el("select", { id: "split-target" });
  const hint = el("p", { class: "quiet", id: "split-hint", "aria-live": "polite" });
  const order = button(
    "Split the network",
    async () => {
      await post("/partition", { groups: groups.filter((group) => group.length > 0) });
      notice("The network is split.");
      await page.refresh();
    },
    { id: "split-order", class: "main" },
  );

  const numbersNow = () =>
    page
      .scene()
      .network.present()
      .map((node) => node.number);

  function show() {
    const nodes = numbersNow();
    groups = groups.length === 0 ? halves(nodes) : present(groups, nodes);
    fill(
      boxes,
      groups.map((group, index) =>
        el(
          "div",
          { class: "group-box", dataset: { group: index }, role: "group", "aria-label": `Group ${letter(index)}` },
          el(
            "div",
            { class: "row spread" },
            el("b", {}, `Group ${letter(index)}`),
            groups.length > 2 &&
              el(
                "button",
                {
                  type: "button",
                  class: "plain",
                  "aria-label": `Remove group ${letter(index)}`,
                  on: {
                    click: () => {
                      groups = without(groups, index);
                      show();
                    },
                  },
                },
                "✕",
              ),
          ),
          el(
            "div",
            { class: "chips" },
            group.length === 0 ? el("span", { class: "quiet" }, "drag nodes here") : group.map(chip),
          ),
        ),
      ),
    );
    const chosen = target.value;
    fill(
      target,
      groups.map((_, index) => el("option", { value: index }, `group ${letter(index)}`)),
      el("option", { value: groups.length }, "another group"),
    );
    if (chosen !== "" && Number(chosen) <= groups.length) target.value = chosen;
    hint.textContent =
      problem(groups) ??
      `${groups
        .filter((group) => group.length > 0)
        .map(numbers)
        .join(" | ")}`;
    order.disabled = problem(groups) !== null;
  }

  function chip(node) {
    const made = el(
      "button",
      {
        type: "button",
        class: "node-chip",
        dataset: { chip: node },
        "aria-pressed": String(marked.has(node)),
        "aria-label": `Node ${node}`,
      },
      node,
    );
    made.style.background = nodeColour(node);
    made.addEventListener("pointerdown", (event) => drag(event, node));
    made.addEventListener("click", () => {
      if (!marked.delete(node)) marked.add(node);
      named.value = numbers([...marked].sort((one, other) => one - other));
      show();
      boxes.querySelector(`[data-chip="${node}"]`)?.focus();
    });
    return made;
  }

  function drag(begin, node) {
    if (begin.button !== 0) return;
    const moving = marked.has(node) ? [...marked] : [node];
    let ghost = null;
    const under = (event) => document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-group]");
    const move = (event) => {
      if (!ghost && Math.hypot(event.clientX - begin.clientX, event.clientY - begin.clientY) < 6) return;
      if (!ghost) {
        ghost = el("div", { class: "ghost" }, moving.length === 1 ? `node ${node}` : `${moving.length} nodes`);
        document.body.append(ghost);
      }
      ghost.style.left = `${event.clientX + 10}px`;
      ghost.style.top = `${event.clientY + 10}px`;
      for (const box of boxes.children) box.classList.toggle("over", box === under(event));
    };
    const end = (event) => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      if (!ghost) return;
      ghost.remove();
      // The click that may follow a drag is none.
      const swallow = (click) => click.stopPropagation();
      addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => removeEventListener("click", swallow, { capture: true }), 0);
      const box = event.type === "pointerup" ? under(event) : null;
      if (box) moveTo(moving, Number(box.dataset.group));
      else show();
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  }

  function moveTo(nodes, index) {
    groups = moved(
      groups,
      nodes.filter((node) => groupOf(groups, node) >= 0),
      index,
    );
    marked.clear();
    named.value = "";
    show();
  }

  const element = el(
    "div",
    { class: "stack tight" },
    el(
      "p",
      { class: "quiet" },
      "Groups do not reach each other until the network is healed. Drag nodes, or name them:",
    ),
    boxes,
    el(
      "div",
      { class: "row end" },
      el("label", { class: "grow" }, "Nodes", named),
      el("label", { class: "grow" }, "to", target),
      button(
        "Move",
        () => {
          const nodes = parseNumbers(named.value);
          if (!nodes) throw new Error("Name nodes as numbers and ranges, such as 0-2, 5.");
          moveTo(nodes, Number(target.value));
        },
        { id: "split-move" },
      ),
    ),
    hint,
    el(
      "div",
      { class: "row" },
      order,
      button(
        "Halves",
        () => {
          groups = halves(numbersNow());
          show();
        },
        { id: "split-halves" },
      ),
      button(
        "Heal",
        async () => {
          await post("/heal");
          notice("The network is whole again.");
          await page.refresh();
        },
        { id: "heal" },
      ),
    ),
  );
  return { element, show };
}
