// QR codes (ISO/IEC 18004, model 2) of short texts: versions 1 to 6 with error correction level M. Pure.

const ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
/** For each version: codewords for correction in a block, blocks, and codewords for data in a block. */
const VERSIONS = [null, [10, 1, 16], [16, 1, 28], [26, 1, 44], [18, 2, 32], [24, 2, 43], [16, 4, 27]];
const LEVEL_M = 0b00;

// The field of 256 elements modulo x^8 + x^4 + x^3 + x^2 + 1, as powers of 2.
const EXP = new Uint8Array(510);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power += 1) {
  EXP[power] = value;
  EXP[power + 255] = value;
  LOG[value] = power;
  value = (value << 1) ^ (value & 0x80 ? 0x11d : 0);
}
const times = (one, other) => (one && other ? EXP[LOG[one] + LOG[other]] : 0);

/** The codewords of Reed and Solomon that protect `data`, so many of them. */
export function correction(data, count) {
  let generator = [1];
  for (let power = 0; power < count; power += 1) {
    const next = [...generator, 0];
    generator.forEach((factor, at) => { next[at + 1] ^= times(factor, EXP[power]); });
    generator = next;
  }
  const rest = [...data, ...new Array(count).fill(0)];
  for (let at = 0; at < data.length; at += 1) {
    const factor = rest[at];
    if (factor) generator.forEach((value, offset) => { rest[at + offset] ^= times(value, factor); });
  }
  return rest.slice(data.length);
}

/** The bits of a text, without end and padding: alphanumeric where that is possible, else bytes of UTF-8. */
function segment(text) {
  const bits = [];
  const put = (value, count) => { for (let bit = count - 1; bit >= 0; bit -= 1) bits.push((value >> bit) & 1); };
  const values = Array.from(text, (letter) => ALPHANUMERIC.indexOf(letter));
  if (!values.includes(-1)) {
    put(0b0010, 4);
    put(values.length, 9);
    for (let at = 0; at < values.length; at += 2) {
      if (at + 1 < values.length) put(45 * values[at] + values[at + 1], 11);
      else put(values[at], 6);
    }
    return bits;
  }
  const bytes = new TextEncoder().encode(text);
  put(0b0100, 4);
  put(bytes.length, 8);
  for (const byte of bytes) put(byte, 8);
  return bits;
}

/** The smallest version that holds the text, and its data codewords. */
export function dataCodewords(text) {
  const bits = segment(text);
  const version = VERSIONS.findIndex((row) => row && 8 * row[1] * row[2] >= bits.length);
  if (version < 0) throw new Error("The text is too long for this QR code.");
  const [, blocks, size] = VERSIONS[version];
  const capacity = 8 * blocks * size;
  for (let end = 0; end < 4 && bits.length < capacity; end += 1) bits.push(0);
  while (bits.length % 8) bits.push(0);
  const words = [];
  for (let at = 0; at < bits.length; at += 8) words.push(parseInt(bits.slice(at, at + 8).join(""), 2));
  for (let pad = 0; words.length < capacity / 8; pad += 1) words.push(pad % 2 ? 0x11 : 0xec);
  return { version, words };
}

/** All codewords in the order in which they are laid out: blocks interleaved, data first. */
function interleaved(version, words) {
  const [count, blocks, size] = VERSIONS[version];
  const data = Array.from({ length: blocks }, (_, block) => words.slice(block * size, (block + 1) * size));
  const checks = data.map((block) => correction(block, count));
  const across = (rows, length) => Array.from({ length }, (_, at) => rows.map((row) => row[at])).flat();
  return [...across(data, size), ...across(checks, count)];
}

/** The 15 bits that tell level and mask: BCH(15, 5), then masked. */
export function format(mask) {
  const data = (LEVEL_M << 3) | mask;
  let rest = data;
  for (let step = 0; step < 10; step += 1) rest = (rest << 1) ^ ((rest >> 9) * 0x537);
  return ((data << 10) | rest) ^ 0x5412;
}

/** A square with what every code of the version has; `fixed` tells which modules those are. */
function frame(version) {
  const size = 17 + 4 * version;
  const dark = Array.from({ length: size }, () => new Array(size).fill(false));
  const fixed = Array.from({ length: size }, () => new Array(size).fill(false));
  const set = (row, column, value) => {
    if (row < 0 || column < 0 || row >= size || column >= size) return;
    dark[row][column] = value;
    fixed[row][column] = true;
  };
  const rings = (row, column, reach, isDark) => {
    for (let y = -reach; y <= reach; y += 1) for (let x = -reach; x <= reach; x += 1) set(row + y, column + x, isDark(Math.max(Math.abs(x), Math.abs(y))));
  };
  for (let at = 0; at < size; at += 1) {
    set(6, at, at % 2 === 0);
    set(at, 6, at % 2 === 0);
  }
  for (const [row, column] of [[3, 3], [3, size - 4], [size - 4, 3]]) rings(row, column, 4, (ring) => ring !== 2 && ring !== 4);
  if (version > 1) rings(size - 7, size - 7, 2, (ring) => ring !== 1);
  setFormat(set, size, 0);
  return { size, dark, fixed, set };
}

function setFormat(set, size, bits) {
  const bit = (at) => ((bits >> at) & 1) === 1;
  for (let at = 0; at < 6; at += 1) set(at, 8, bit(at));
  set(7, 8, bit(6));
  set(8, 8, bit(7));
  set(8, 7, bit(8));
  for (let at = 9; at < 15; at += 1) set(8, 14 - at, bit(at));
  for (let at = 0; at < 8; at += 1) set(8, size - 1 - at, bit(at));
  for (let at = 8; at < 15; at += 1) set(size - 15 + at, 8, bit(at));
  set(size - 8, 8, true);
}

/** Places for data: in columns of two from the right, up and down by turns, without the column of the timing pattern. */
function* places({ size, fixed }) {
  for (let right = size - 1, up = true; right >= 1; right -= 2, up = !up) {
    if (right === 6) right -= 1;
    for (let step = 0; step < size; step += 1) {
      const row = up ? size - 1 - step : step;
      for (const column of [right, right - 1]) if (!fixed[row][column]) yield [row, column];
    }
  }
}

const MASKS = [
  (y, x) => (y + x) % 2 === 0,
  (y) => y % 2 === 0,
  (_, x) => x % 3 === 0,
  (y, x) => (y + x) % 3 === 0,
  (y, x) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0,
  (y, x) => ((y * x) % 2) + ((y * x) % 3) === 0,
  (y, x) => (((y * x) % 2) + ((y * x) % 3)) % 2 === 0,
  (y, x) => (((y + x) % 2) + ((y * x) % 3)) % 2 === 0,
];

/** How hard to read a square is: runs, blocks, patterns like a finder's, and an uneven share of dark. */
export function penalty(dark) {
  const size = dark.length;
  const columns = dark.map((_, column) => dark.map((row) => row[column]));
  let points = 0;
  for (const line of [...dark, ...columns]) {
    const drawn = line.map((module) => (module ? "1" : "0")).join("");
    for (const run of drawn.match(/0{5,}|1{5,}/g) ?? []) points += run.length - 2;
    for (let at = 0; at + 11 <= size; at += 1) {
      const part = drawn.slice(at, at + 11);
      if (part === "10111010000" || part === "00001011101") points += 40;
    }
  }
  for (let y = 0; y + 1 < size; y += 1) {
    for (let x = 0; x + 1 < size; x += 1) if (dark[y][x] === dark[y][x + 1] && dark[y][x] === dark[y + 1][x] && dark[y][x] === dark[y + 1][x + 1]) points += 3;
  }
  const share = (100 * dark.flat().filter(Boolean).length) / (size * size);
  return points + 10 * Math.floor(Math.abs(share - 50) / 5);
}

/** The code of a text as rows of modules, true where dark, without the quiet zone of four modules around it. */
export function qr(text) {
  const { version, words } = dataCodewords(text);
  const bits = interleaved(version, words).flatMap((word) => Array.from({ length: 8 }, (_, bit) => ((word >> (7 - bit)) & 1) === 1));
  let best = null;
  MASKS.forEach((flips, mask) => {
    const square = frame(version);
    let next = 0;
    for (const [row, column] of places(square)) square.dark[row][column] = (bits[next++] ?? false) !== flips(row, column);
    setFormat(square.set, square.size, format(mask));
    const points = penalty(square.dark);
    if (!best || points < best.points) best = { points, dark: square.dark };
  });
  return best.dark;
}
