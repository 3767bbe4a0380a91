// What a text in the search box is: a height, a hash, an address. Pure.

import { checkAddress } from "./bech32m.js";

/** `{ kind: "height" | "hash" | "address" | "nothing", value, words }`; `words` say why it is nothing that can be found. */
export function understood(typed) {
  const text = typed.trim();
  if (text === "") return { kind: "nothing", value: "", words: "Type a block's height, a hash of 64 digits, or an address." };
  if (/^[\d,_ ]+$/.test(text) && text.length < 64) {
    const digits = text.replace(/[,_ ]/g, "");
    if (digits !== "" && Number(digits) <= 0xffff_ffff) return { kind: "height", value: String(Number(digits)) };
    return { kind: "nothing", value: text, words: "No block is as high as that." };
  }
  if (/^[0-9a-f]{64}$/i.test(text)) return { kind: "hash", value: text.toLowerCase() };
  if (/^[0-9a-f]+$/i.test(text)) {
    return { kind: "nothing", value: text, words: `A hash has 64 hexadecimal digits; this has ${text.length}. Copy all of it.` };
  }
  if (/^nm1/i.test(text)) {
    const found = checkAddress(text);
    return found.state === "good" ? { kind: "address", value: found.address } : { kind: "nothing", value: text, words: `This is not an address yet. ${found.words}` };
  }
  return { kind: "nothing", value: text, words: "Only heights, hashes and addresses can be found here. Topics are in the ledger." };
}
