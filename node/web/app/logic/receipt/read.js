// Reading a receipt's file: that it is JSON with the members of a receipt and no others, each of its kind. Nothing about
// what they say is checked here. Pure.

import { unhex, utf8 } from "../bytes.js";
import { MOST } from "../amount.js";

const VERSION = 1;
/** Longest receipt, in bytes. */
export const MAX_BYTES = 1_048_576;

const U32 = 0xffff_ffff;
const isText = (value) => typeof value === "string";
const isWhole = (most) => (value) => Number.isInteger(value) && value >= 0 && value <= most;
const isBits = (value) => isText(value) && /^[0-9a-f]{8}$/i.test(value);
const isHex = (value) => isText(value) && unhex(value) !== null;
const isHeader = (value) => isHex(value) && value.length === 160;

const SPEC = {
  name: isText, spacing: isWhole(U32), half_life: isWhole(U32), easiest_bits: isBits, start_bits: isBits, subsidy: isWhole(MOST),
  max_block_bytes: isWhole(U32), genesis_time: isWhole(U32),
};
const RECEIPT = {
  receipt: (value) => value === VERSION, about: isText, network: (value) => isObject(value), transaction: isHex, proof: isText,
  log_key: isText, coinbase: isHex, headers: (value) => Array.isArray(value) && value.every(isHeader),
};
const OPTIONAL = new Set(["about"]);

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function fits(value, shape) {
  const none = (why) => new Error(`it is JSON, but no receipt: ${why}`);
  if (!isObject(value)) throw none("it is not an object");
  for (const name of Object.keys(value)) if (!Object.hasOwn(shape, name)) throw none(`it has a member “${name}” too many`);
  for (const [name, is] of Object.entries(shape)) {
    if (!Object.hasOwn(value, name)) {
      if (!OPTIONAL.has(name)) throw none(`“${name}” is missing`);
    } else if (!is(value[name])) {
      throw none(`“${name}” is not what it should be`);
    }
  }
}

/** The receipt in this text. Throws an `Error` with words if there is none. */
export function readReceipt(words) {
  if (utf8(words).length > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes, which is more than a receipt takes`);
  let value;
  try {
    value = JSON.parse(words);
  } catch (error) {
    throw new Error(`it is not JSON: ${error.message}`);
  }
  if (isObject(value) && isWhole(U32)(value.receipt) && value.receipt !== VERSION) {
    throw new Error(`it is a receipt of version ${value.receipt}; this page reads version ${VERSION} only`);
  }
  fits(value, RECEIPT);
  fits(value.network, SPEC);
  return value;
}
