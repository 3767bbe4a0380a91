// Finding what somebody typed: a height, a hash of a block or transaction, an address.

import { get } from "/web/base/api.js";
import { el } from "/web/base/dom.js";
import { understood } from "../logic/search.js";
import { card, empty, go, heading, route } from "../parts.js";

/** The route of what a text names; that of the page `#/search/…` if it names nothing here. */
export async function find(typed) {
  const { kind, value } = understood(typed);
  if (kind === "height") return route("block", value);
  if (kind === "address") return route("address", value);
  if (kind === "hash") {
    if (await has(`/blocks/${value}`)) return route("block", value);
    if (await has(`/transactions/${value}`)) return route("transaction", value);
  }
  return route("search", typed.trim());
}

async function has(path) {
  try {
    await get(path);
    return true;
  } catch {
    return false;
  }
}

/** The page `#/search/TEXT`, for what was not found. */
export function search(scope, [typed = ""]) {
  const { kind, value, words } = understood(typed);
  const said = kind === "hash" ? "This node has neither a block nor a transaction with this hash. If it is a transaction, its page shows it as soon as it comes." : words;
  return [
    heading("Nothing found"),
    card(null, el("p", {}, el("code", {}, typed || "nothing")), empty(said ?? "Follow the link to what it names.",
      kind === "hash" ? go(route("transaction", value), "Wait for the transaction") : null,
      kind === "height" || kind === "address" ? go(route(kind === "height" ? "block" : "address", value), "Open it") : null,
      go(`${route("ledger")}?${new URLSearchParams({ topic: typed })}`, "Look for it as a topic"), go("#/blocks", "To the blocks"))),
  ];
}
