// Addresses as text: bech32m (BIP 350) of a 32-byte public key with the prefix "nm" (docs/protocol.md, section 5). Pure.

const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const BECH32M = 0x2bc830a3;
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const PREFIX = "nm";
/** Characters of an address: prefix, separator, 52 of the key, 6 of the checksum. */
export const LENGTH = PREFIX.length + 1 + 52 + 6;
const LONGEST = 90;

function polymod(values) {
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    for (let bit = 0; bit < 5; bit += 1) if ((top >>> bit) & 1) sum ^= GENERATOR[bit];
  }
  return sum >>> 0;
}

const expanded = (prefix) => [...Array.from(prefix, (letter) => letter.charCodeAt(0) >> 5), 0, ...Array.from(prefix, (letter) => letter.charCodeAt(0) & 31)];

/** Prefix and five-bit values of any bech32m text without its checksum; null if it is none. */
export function decode(text) {
  if (text.length > LONGEST || (text !== text.toLowerCase() && text !== text.toUpperCase())) return null;
  if (!/^[\x21-\x7e]*$/.test(text)) return null;
  const lower = text.toLowerCase();
  const separator = lower.lastIndexOf("1");
  if (separator < 1 || separator + 7 > lower.length) return null;
  const prefix = lower.slice(0, separator);
  const values = Array.from(lower.slice(separator + 1), (letter) => ALPHABET.indexOf(letter));
  if (values.includes(-1) || polymod([...expanded(prefix), ...values]) !== BECH32M) return null;
  return { prefix, values: values.slice(0, -6) };
}

/** The bech32m text of five-bit values. */
export function encode(prefix, values) {
  const sum = polymod([...expanded(prefix), ...values, 0, 0, 0, 0, 0, 0]) ^ BECH32M;
  const checksum = [25, 20, 15, 10, 5, 0].map((shift) => (sum >>> shift) & 31);
  return `${prefix}1${[...values, ...checksum].map((value) => ALPHABET[value]).join("")}`;
}

/** The address of a key's 32 bytes. */
export function address(key) {
  const values = [];
  let [bits, kept] = [0, 0];
  for (const byte of key) {
    [bits, kept] = [(bits << 8) | byte, kept + 8];
    while (kept >= 5) {
      kept -= 5;
      values.push((bits >> kept) & 31);
    }
    bits &= (1 << kept) - 1;
  }
  if (kept > 0) values.push((bits << (5 - kept)) & 31);
  return encode(PREFIX, values);
}

/**
 * What a text that is being typed is: `{ state: "empty" | "unfinished" | "wrong" | "good", words, address }`, where `words`
 * say what is to be done, and `address` is the one found, in lower case.
 */
export function checkAddress(typed) {
  const text = typed.trim();
  if (text === "") return { state: "empty", words: `An address begins with ${PREFIX}1 and has ${LENGTH} characters.` };
  const wrong = (words) => ({ state: "wrong", words });
  const lower = text.toLowerCase();
  if (text !== lower && text !== text.toUpperCase()) return wrong("An address is written in small letters or in capitals, not in both.");
  const begin = `${PREFIX}1`;
  if (!lower.startsWith(begin.slice(0, lower.length))) return wrong(`An address begins with ${begin}; this is something else.`);
  const strange = Array.from(lower.slice(begin.length)).find((letter) => !ALPHABET.includes(letter));
  if (strange !== undefined) return wrong(`No address has the character “${strange}” in it.`);
  if (lower.length < LENGTH) {
    const missing = LENGTH - lower.length;
    return { state: "unfinished", words: `${missing} more ${missing === 1 ? "character" : "characters"} to come.` };
  }
  if (lower.length > LENGTH) return wrong(`That is too long: an address has ${LENGTH} characters, this has ${lower.length}.`);
  const decoded = decode(lower);
  if (!decoded) return wrong("The checksum does not match, so at least one character is wrong.");
  // 52 characters carry 260 bits: the last four are to be zero, or one key would have several addresses.
  if (decoded.values.at(-1) & 15) return wrong("The bits left over at its end should be zero.");
  return { state: "good", words: "The checksum is right.", address: lower };
}
