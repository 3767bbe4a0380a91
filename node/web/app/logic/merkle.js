// The log's tree: hashes of leaves and nodes, and proofs of inclusion (RFC 6962 section 2.1, RFC 9162 section 2.1.3.2).
// Indices and sizes are BigInt. Pure.

import { same, sha256 } from "./bytes.js";

/** SHA-256(00 ‖ data). */
export const leafHash = (data) => sha256([0], data);

/** SHA-256(01 ‖ left ‖ right). */
export const nodeHash = (left, right) => sha256([1], left, right);

/**
 * That the leaf with this hash is at `index` in the log of `size` leaves with this root. Throws an `Error` with the reason
 * if the proof does not show it.
 */
export async function verifyInclusion(leaf, index, size, path, root) {
  if (index >= size) throw new Error("the proof speaks of a position outside the log");
  const wrongLength = () => new Error("the proof has the wrong number of hashes");
  let [position, last, node] = [index, size - 1n, leaf];
  for (const sibling of path) {
    if (last === 0n) throw wrongLength();
    if (position & 1n || position === last) {
      node = await nodeHash(sibling, node);
      while (!(position & 1n) && position !== 0n) {
        position >>= 1n;
        last >>= 1n;
      }
    } else {
      node = await nodeHash(node, sibling);
    }
    position >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) throw wrongLength();
  if (!same(node, root)) throw new Error("the proof does not lead to the root that it should");
}
