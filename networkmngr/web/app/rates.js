// Hash rates: of one node in figures, of all as shares of the whole.

import { post } from "/web/base/api.js";
import { button, el, fill, notice } from "/web/base/dom.js";
import { hashRate } from "/web/base/format.js";
import { nodeColour } from "../model/colour.js";

/** A field for one node's rate. */
export function rateField(number, rate, done) {
  const field = el("input", {
    type: "number",
    id: `rate-${number}`,
    min: "1",
    step: "1",
    inputmode: "numeric",
    placeholder: "no cap",
    value: rate ?? "",
  });
  return el(
    "div",
    { class: "row end" },
    el("label", {}, "Hashes per second, at most", field),
    button(
      "Set",
      async () => {
        await setRate(number, field.value === "" ? null : Number(field.value));
        notice(
          `Node ${number} tries ${field.value === "" ? "as many hashes as it can" : `at most ${hashRate(Number(field.value))}`}.`,
        );
        await done();
      },
      { dataset: { order: "hash-rate" } },
    ),
  );
}

const setRate = (number, rate) => post(`/nodes/${number}/hash-rate`, { hash_rate: rate });

/** Sliders for the shares of all running nodes. `page` as for `openNode`. */
export function shares(page) {
  const total = el("input", { type: "number", id: "rates-total", min: "1", step: "1000", value: "1200000" });
  const list = el("div", { class: "shares" });
  const values = new Map();

  const part = (number) => {
    const sum = [...values.values()].reduce((one, other) => one + other, 0);
    return sum === 0 ? 0 : values.get(number) / sum;
  };
  const tell = () => {
    for (const output of list.querySelectorAll("output"))
      output.textContent = `${(100 * part(Number(output.dataset.node))).toFixed(1)} %`;
  };

  function read() {
    values.clear();
    const running = page
      .scene()
      .network.running()
      .map((node) => node.number);
    const rates = running.map((number) => page.health.get(number)?.hash_rate ?? null);
    const known = rates.filter((rate) => rate !== null);
    if (known.length === rates.length && known.length > 0) total.value = known.reduce((one, other) => one + other, 0);
    running.forEach((number, at) => values.set(number, rates[at] ?? Math.max(1, ...known)));
    const most = Math.max(1, ...values.values());
    fill(
      list,
      running.map((number) => {
        values.set(number, (100 * values.get(number)) / most);
        const square = el("i", { class: "square" }, number);
        square.style.background = nodeColour(number);
        return el(
          "label",
          { class: "beside" },
          square,
          el("input", {
            type: "range",
            min: "1",
            max: "100",
            value: values.get(number),
            dataset: { share: number },
            "aria-label": `Share of node ${number}`,
            on: {
              input: (event) => {
                values.set(number, Number(event.target.value));
                tell();
              },
            },
          }),
          el("output", { class: "number", dataset: { node: number } }),
        );
      }),
    );
    tell();
  }

  const element = el(
    "div",
    { class: "stack tight" },
    el("p", { class: "quiet" }, "Who has which part of the network’s power to find blocks."),
    list,
    el("label", {}, "Hashes per second, all together", total),
    el(
      "div",
      { class: "row" },
      button(
        "Set the shares",
        async () => {
          for (const number of values.keys())
            await setRate(number, Math.max(1, Math.round(part(number) * Number(total.value))));
          notice("The hash rates are set.");
          await page.refresh();
        },
        { id: "rates-set", class: "main" },
      ),
      button("Read them again", read, { id: "rates-read" }),
    ),
  );
  return { element, read };
}
