// Compact targets and the work that they stand for (docs/protocol.md, section 9). Targets and work are BigInt. Pure.

/** The target of `bits`, a number of 32 bits. Throws an `Error` with the reason if there is none. */
export function target(bits) {
  const [exponent, mantissa, sign] = [bits >>> 24, bits & 0x7fffff, (bits & 0x800000) !== 0];
  const digits = exponent <= 3 ? mantissa >>> (8 * (3 - exponent)) : mantissa;
  const value = BigInt(digits) << BigInt(8 * Math.max(0, exponent - 3));
  if (digits !== 0 && sign) throw new Error("the compact target is negative");
  if (value >> 256n) throw new Error("the compact target overflows 256 bits");
  if (value === 0n) throw new Error("the compact target is zero");
  return value;
}

/** The shortest compact form of a target. */
export function compact(target) {
  let size = Math.ceil(target.toString(2).length / 8);
  let mantissa = Number(size <= 3 ? target << BigInt(8 * (3 - size)) : target >> BigInt(8 * (size - 3)));
  if (mantissa & 0x800000) {
    mantissa >>>= 8;
    size += 1;
  }
  return ((size << 24) | mantissa) >>> 0;
}

/** Hashes that meeting a target takes on average. */
export const work = (target) => (1n << 256n) / (target + 1n);

/** A target as 64 hexadecimal digits. */
export const digits = (target) => target.toString(16).padStart(64, "0");
