// A chain spec, the genesis block that follows from it, and headers' proofs of work (docs/protocol.md, sections 2, 3 and 9).
// Hashes are bytes in the order of structures. Pure.

import { Reader, counted, joined, little, littleBytes, sha256, sha256d, shown, utf8 } from "../bytes.js";
import { compact, target } from "../work.js";

const SPAN = 1_000_000_000;
const BLOCK_BYTES = [65_536, 4_194_304];

const wholeUpTo = (value, most) => Number.isInteger(value) && value >= 0 && value <= most;
const bitsOf = (text) => (typeof text === "string" && /^[0-9a-f]{8}$/i.test(text) ? parseInt(text, 16) : null);

/** Throws an `Error` with words if the spec makes no network. */
function validate(spec) {
  const bytes = utf8(spec.name).length;
  if (bytes < 1 || bytes > 64) throw new Error('"name" takes 1 to 64 bytes');
  for (const name of ["spacing", "half_life"]) {
    if (!wholeUpTo(spec[name], SPAN) || spec[name] === 0) throw new Error(`"${name}" takes 1 to ${SPAN} seconds`);
  }
  for (const name of ["easiest_bits", "start_bits"]) {
    const bits = bitsOf(spec[name]);
    let shortest = null;
    try {
      shortest = compact(target(bits));
    } catch {
      // Refused below.
    }
    if (shortest !== bits) throw new Error(`"${name}" is no compact target in its shortest form`);
  }
  if (target(bitsOf(spec.start_bits)) > target(bitsOf(spec.easiest_bits))) throw new Error('"start_bits" must not be easier than "easiest_bits"');
  if (spec.max_block_bytes < BLOCK_BYTES[0] || spec.max_block_bytes > BLOCK_BYTES[1]) {
    throw new Error(`"max_block_bytes" takes ${BLOCK_BYTES[0]} to ${BLOCK_BYTES[1]}`);
  }
}

const bitsBytes = (text) => littleBytes(bitsOf(text), 4);

/** The spec's bytes, of which the genesis block holds the hash. */
export const specBytes = (spec) => joined(
  counted(utf8(spec.name)), littleBytes(spec.spacing, 4), littleBytes(spec.half_life, 4), bitsBytes(spec.easiest_bits),
  bitsBytes(spec.start_bits), littleBytes(spec.subsidy, 8), littleBytes(spec.max_block_bytes, 4), littleBytes(spec.genesis_time, 4),
);

/** The network of a spec: its name, the genesis block's hash, and the easiest target. Throws an `Error` if there is none. */
export async function network(spec) {
  validate(spec);
  const coinbase = joined(new Uint8Array(4 + 32 + 8 + 8), await sha256(), counted(await sha256d(specBytes(spec))));
  const header = joined(
    littleBytes(1, 4), new Uint8Array(32), await sha256d(coinbase), littleBytes(spec.genesis_time, 4), bitsBytes(spec.start_bits),
    littleBytes(0, 4),
  );
  return { name: spec.name, genesis: await sha256d(header), easiest: target(bitsOf(spec.easiest_bits)) };
}

/** The fields of a header's 80 bytes that a receipt needs. */
export function decodeHeader(bytes) {
  const reader = new Reader(bytes);
  reader.take(4);
  const header = { bytes, previous: reader.take(32), coinbaseHash: reader.take(32), time: reader.small(4), bits: reader.small(4) };
  reader.take(4);
  reader.end();
  return header;
}

/** A header's hash and target; throws an `Error` with words if the work is missing or less than the network's least. */
export async function provenHeader(header, { easiest }) {
  const hash = await sha256d(header.bytes);
  let wanted;
  try {
    wanted = target(header.bits);
  } catch (error) {
    throw new Error(`the header's bits are no target: ${error.message}`);
  }
  if (little(hash) > wanted) {
    throw new Error(`the proof of work is wrong: hash ${shown(hash)} does not meet the target of bits ${header.bits.toString(16).padStart(8, "0")}`);
  }
  if (wanted > easiest) throw new Error("the block's target is easier than this network allows");
  return { hash, target: wanted };
}
