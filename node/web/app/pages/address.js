// One address: what it has, and what happened to it.

import { el } from "/web/base/dom.js";
import { checkAddress } from "../logic/bech32m.js";
import { card, empty, face, go, heading, route, whole } from "../parts.js";
import { nameOf, session } from "../server.js";
import { balanceRegion, historyRegion, nothingYet } from "./history.js";

/** The page `#/address/ADDRESS`. */
export function address(scope, [text = ""]) {
  const checked = checkAddress(text);
  if (checked.state !== "good") return [heading("Address"), card(null, empty(`“${text}” is no address. ${checked.words}`, go("#/", "To the overview")))];
  const found = checked.address;
  const isOwn = session.account?.address === found;
  return [
    heading(nameOf(found) ?? "Address",
      isOwn ? go("#/wallet", "To the wallet") : go(`${route("wallet", "send")}?to=${found}`, "Pay", { id: "pay" }),
      go(`${route("ledger")}?author=${found}`, "Its records", { id: "its-records" })),
    el("section", { class: "card owner" }, face(found, 48), whole(found, "the address")),
    card(null, balanceRegion(scope, found)),
    card("History", historyRegion(scope, found, nothingYet(go("#/mine", "Mine")))),
  ];
}
