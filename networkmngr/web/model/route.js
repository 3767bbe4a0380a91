// What the part of the address after # says: which network is shown, which panel, and which block. Pure.

export const PANELS = ["feed", "do", "lessons", "figures"];

/** `{ run, panel, block }`, each null if it is not said: `#/run/3/block/00ab…`, `#/lessons`, `#/block/00ab…`. */
export function read(hash) {
  const parts = hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decoded);
  const found = { run: null, panel: null, block: null };
  while (parts.length > 0) {
    const part = parts.shift();
    if (part === "run" && /^\d+$/.test(parts[0] ?? "")) found.run = Number(parts.shift());
    else if (part === "block" && /^[0-9a-f]{64}$/.test(parts[0] ?? "")) found.block = parts.shift();
    else if (PANELS.includes(part)) found.panel = part;
  }
  return found;
}

/** The same as `#/…`. */
export function write({ run, panel, block }) {
  const parts = [];
  if (run !== null) parts.push("run", run);
  if (panel) parts.push(panel);
  if (block) parts.push("block", block);
  return `#/${parts.join("/")}`;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
