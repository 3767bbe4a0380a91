// A block header's 80 bytes, field by field, and a coinbase's bytes (docs/protocol.md, sections 3 and 4). Pure.

import { counted, joined, littleBytes, unhex } from "./bytes.js";
import { decode } from "./bech32m.js";

const reversed = (hash) => unhex(hash).reverse();

/**
 * The header's fields in the order of their bytes: `name`, `at` (counted from 0), `bytes`, `value` as people write it, and
 * `meaning`. Takes the header as JSON.
 */
export function headerFields(header) {
  const fields = [
    ["version", littleBytes(header.version, 4), String(header.version), "1, unless the miner varied it to have more hashes to try."],
    ["previous", reversed(header.previous), header.previous, "Hash of the block below. Changing anything in that block would change this, and so on upwards."],
    ["coinbase_hash", reversed(header.coinbase_hash), header.coinbase_hash, "Hash of the coinbase, through which the header commits to everything in the block: miner, reward, and the log of all transactions."],
    ["time", littleBytes(header.time, 4), `${header.time} · ${new Date(header.time * 1000).toISOString().replace("T", " ").replace(".000Z", " UTC")}`, "When the miner says it began, in seconds since 1970."],
    ["bits", unhex(header.bits).reverse(), header.bits, "The target in short form: the hash, read as a number, must not be above it."],
    ["nonce", littleBytes(header.nonce, 4), String(header.nonce), "What the miner varied until the hash was low enough."],
  ];
  let at = 0;
  return fields.map(([name, bytes, value, meaning]) => {
    const field = { name, at, bytes, value, meaning };
    at += bytes.length;
    return field;
  });
}

/** The 80 bytes. */
export const headerBytes = (header) => joined(...headerFields(header).map((field) => field.bytes));

/** The 32 bytes of an address that is known to be right. */
export function addressBytes(text) {
  const key = new Uint8Array(32);
  let [bits, kept, at] = [0, 0, 0];
  for (const value of decode(text).values) {
    [bits, kept] = [((bits << 5) | value) & 0xfff, kept + 5];
    if (kept >= 8) {
      kept -= 8;
      if (at < key.length) key[at] = (bits >> kept) & 255;
      at += 1;
    }
  }
  return key;
}

/** The bytes of a coinbase, from its JSON. */
export function coinbaseBytes(coinbase) {
  return joined(
    littleBytes(coinbase.height, 4), addressBytes(coinbase.miner), littleBytes(coinbase.reward, 8), littleBytes(coinbase.log_size, 8),
    unhex(coinbase.log_root), counted(unhex(coinbase.extra)),
  );
}
