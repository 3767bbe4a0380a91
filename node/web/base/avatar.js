// Pictures and colours that belong to a key, drawn from its characters alone.

import { el } from "./dom.js";

/** 32 bits that depend on every character (FNV-1a, then mixed so that all bits do). */
function mixed(name, salt) {
  let hash = 0x811c9dc5 ^ salt;
  for (let at = 0; at < name.length; at += 1) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A colour for an address, readable on light and dark. */
export function colour(address) {
  const hash = mixed(address, 1);
  return `hsl(${hash % 360} ${55 + ((hash >>> 9) % 25)}% ${46 + ((hash >>> 17) % 12)}%)`;
}

/** A symmetric pattern of five by five cells for an address. */
export function avatar(address, size = 32, label = "") {
  const cells = mixed(address, 2);
  const shapes = [];
  for (let row = 0; row < 5; row += 1) {
    for (let column = 0; column < 3; column += 1) {
      if (!((cells >>> (row * 3 + column)) & 1)) continue;
      for (const x of new Set([column, 4 - column])) shapes.push(el("rect", { x: x + 0.5, y: row + 0.5, width: 1.02, height: 1.02 }));
    }
  }
  return el("svg", {
    class: "avatar", viewBox: "0 0 6 6", width: size, height: size, fill: colour(address),
    role: label ? "img" : null, "aria-label": label || null, "aria-hidden": label ? null : "true",
  }, shapes);
}
