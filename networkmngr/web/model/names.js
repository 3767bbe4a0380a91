// Words for nodes, groups and hashes, as the program's own sentences have them. Pure.

/** Node numbers as `0-3, 5`; they are given in ascending order. */
export function numbers(sorted) {
  const ranges = [];
  for (const number of sorted) {
    const last = ranges.at(-1);
    if (last && last[1] + 1 === number) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(", ");
}

/** `node 4`, `nodes 0-2`. */
export const who = (sorted) => `${sorted.length === 1 ? "node" : "nodes"} ${numbers(sorted)}`;

/** The same, but just how many they are if it would be long to name them. */
export function whoInShort(sorted) {
  const named = who(sorted);
  return named.length <= 24 ? named : `${sorted.length} nodes`;
}

/** The groups of a split as `0-2 | 3-5`. */
export const sides = (groups) => groups.map(numbers).join(" | ");

/** The first eight digits of a hash, as in the feed's sentences. */
export const short = (hash) => (hash ? `${hash.slice(0, 8)}…` : "–");

/** A sentence: a capital at its beginning and a full stop at its end. */
export function sentence(words) {
  const begun = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** The numbers that a text such as `0-2, 5` names, ascending; null if it names none. */
export function parseNumbers(words, most = 1000) {
  const found = new Set();
  for (const part of words.split(",")) {
    const match = /^\s*(\d{1,4})\s*(?:-\s*(\d{1,4})\s*)?$/.exec(part);
    if (!match) return null;
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (first > last || last >= most) return null;
    for (let number = first; number <= last; number += 1) found.add(number);
  }
  return [...found].sort((one, other) => one - other);
}
