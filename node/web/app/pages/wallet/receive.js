// Being paid: the address, and the same as a QR code.

import { el } from "/web/base/dom.js";
import { qr } from "../../logic/qr.js";
import { card, face, whole } from "../../parts.js";

const QUIET = 4;

/** The page `#/wallet/receive`. */
export function receive({ address, name }) {
  return card(`Pay ${name}`,
    el("div", { class: "receive" },
      code(address.toUpperCase(), `QR code of the address ${address}`),
      el("div", { class: "stack" },
        el("div", { class: "owner" }, face(address, 56), el("p", { class: "quiet" }, "This picture belongs to the address: whoever pays sees it as well.")),
        whole(address, "your address"),
        el("p", { class: "quiet" }, "The code holds the address in capitals, which is the same address and makes the code coarser. Anybody may know the address; nobody can spend with it."))));
}

/** A text as a QR code: one path, dark on white in any colours of the page, since that is what readers expect. */
function code(text, label) {
  const rows = qr(text);
  const size = rows.length + 2 * QUIET;
  const path = rows.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : ""))).join("");
  return el("svg", { class: "qr", id: "qr", viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges", dataset: { text } },
    el("rect", { width: size, height: size, fill: "#fff" }), el("path", { d: path, fill: "#000" }));
}
