// Links made slow, uneven or lossy: the form for a rule, and the rules in force.

import { del, post } from "/web/base/api.js";
import { button, el, notice } from "/web/base/dom.js";
import { who } from "../model/names.js";
import { number } from "./fields.js";

/** The form. `page` as for `openNode`; `rules` is the element in which the rules in force are listed. */
export function links(page, rules) {
  const from = el("input", { id: "link-from", value: "all" });
  const to = el("input", { id: "link-to", value: "all" });
  const delay = number("link-delay", 200, 0, 4000, 1);
  const jitter = number("link-jitter", 0, 0, 4000, 1);
  const loss = number("link-loss", 0, 0, 100, 0.1);
  const oneWay = el("input", { type: "checkbox", id: "link-one-way" });
  const cut = el("input", { type: "checkbox", id: "link-cut" });
  return el(
    "div",
    { class: "stack tight" },
    el("p", { class: "quiet" }, "For the ways between these nodes: all, or numbers such as 0-2, 5."),
    el(
      "div",
      { class: "row end" },
      el("label", { class: "grow" }, "From", from),
      el("label", { class: "grow" }, "To", to),
    ),
    el(
      "div",
      { class: "row end" },
      el("label", { class: "grow" }, "Delay (ms)", delay),
      el("label", { class: "grow" }, "Jitter ± (ms)", jitter),
      el("label", { class: "grow" }, "Lost (%)", loss),
    ),
    el(
      "div",
      { class: "row" },
      el("label", { class: "beside" }, oneWay, "this way only"),
      el("label", { class: "beside" }, cut, "cut off wholly"),
    ),
    el(
      "div",
      { class: "row" },
      button(
        "Set",
        async () => {
          const rule = {
            from: from.value.trim(),
            to: to.value.trim(),
            delay_ms: Number(delay.value),
            jitter_ms: Number(jitter.value),
            loss: Number(loss.value) / 100,
            one_way: oneWay.checked,
            cut: cut.checked,
          };
          const { nodes } = await post("/links", { rules: [rule] });
          notice(`The rule holds at ${nodes} running nodes.`);
          await page.refresh();
        },
        { id: "links-set", class: "main" },
      ),
      button(
        "All links as they were",
        async () => {
          await del("/links");
          notice("No link is slowed any more.");
          await page.refresh();
        },
        { id: "links-clear" },
      ),
    ),
    rules,
  );
}

/** The rules in force, in words. */
export function ruleList(rules) {
  if (rules.length === 0) return el("p", { class: "quiet" }, "No rules are in force.");
  const set = (nodes) =>
    nodes === "all" || nodes === undefined ? "all nodes" : Array.isArray(nodes) ? who(nodes) : `nodes ${nodes}`;
  return el(
    "ul",
    {},
    rules.map((rule) => {
      const parts = [
        rule.cut && "cut off",
        !rule.cut &&
          rule.delay_ms > 0 &&
          `${rule.delay_ms} ms later${rule.jitter_ms > 0 ? ` ± ${rule.jitter_ms} ms` : ""}`,
        !rule.cut && rule.loss > 0 && `${Number((rule.loss * 100).toPrecision(3))} % lost`,
      ].filter(Boolean);
      return el(
        "li",
        {},
        `From ${set(rule.from)} to ${set(rule.to)}${rule.one_way ? "" : " and back"}: ${parts.join(", ") || "nothing"}`,
      );
    }),
  );
}
