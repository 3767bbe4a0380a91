// Amounts as people write them: coins with at most six decimals, each a million whole units. Exact, without fractions. Pure.

/** Units of one coin. */
export const COIN = 1_000_000;
/** Most units that there can be. */
export const MOST = Number.MAX_SAFE_INTEGER;

/** `1,234.5`: units as coins, with the decimals that they need. */
export function inCoins(units) {
  const [whole, rest] = [Math.floor(units / COIN), units % COIN];
  const decimals = String(rest).padStart(6, "0").replace(/0+$/, "");
  return `${whole.toLocaleString("en")}${decimals ? `.${decimals}` : ""}`;
}

/** `1.5 coins`. */
export const coins = (units) => `${inCoins(units)} ${units === COIN ? "coin" : "coins"}`;

/** `2 units`. */
export const units = (count) => `${count.toLocaleString("en")} ${count === 1 ? "unit" : "units"}`;

/** `1.5 coins (1500000 units)`, as the programs say it. */
export function inWords(count) {
  return `${inCoins(count).replaceAll(",", "")} ${count === COIN ? "coin" : "coins"} (${count} ${count === 1 ? "unit" : "units"})`;
}

/** The units of coins as typed, or what is wrong with them: `{ units }` or `{ wrong }`. */
export function fromCoins(typed) {
  const text = typed.trim();
  if (text === "") return { wrong: "Say how many coins." };
  const found = /^(\d{1,10})(?:\.(\d*))?$/.exec(text.startsWith(".") ? `0${text}` : text);
  if (!found) return { wrong: "Write coins as digits, with a point before decimals, such as 2.5." };
  const [, whole, decimals = ""] = found;
  if (decimals.replace(/0+$/, "").length > 6) return { wrong: "The smallest part is a unit, 0.000001 coins: six decimals at most." };
  const units = BigInt(whole) * BigInt(COIN) + BigInt(decimals.slice(0, 6).padEnd(6, "0"));
  if (units > BigInt(MOST)) return { wrong: "That is more than can exist." };
  return units === 0n ? { wrong: "It must be more than nothing." } : { units: Number(units) };
}

/** Whole units as typed: `{ units }`, null when nothing is typed, or `{ wrong }`. */
export function fromUnits(typed) {
  const text = typed.trim();
  if (text === "") return { units: null };
  if (!/^\d{1,16}$/.test(text) || Number(text) > MOST) return { wrong: "Whole units, as digits only." };
  return { units: Number(text) };
}
