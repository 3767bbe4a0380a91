// Fields that several forms have.

import { el } from "/web/base/dom.js";

/** A field for a number. */
export function number(id, value, min, max, step) {
  return el("input", { type: "number", id, value, min, max, step, inputmode: "decimal" });
}
