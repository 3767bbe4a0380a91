// Numbers, times and hashes as people read them. Pure.

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** `12,345`. */
export const whole = (number) => WHOLE.format(number);

/** The first digits of a hash that tell it apart; block hashes begin with zeros, so those are left out. */
export function short(hash, digits = 8) {
  if (!hash) return "–";
  const significant = hash.replace(/^0+/, "");
  return significant.length < digits ? hash.slice(-digits) : significant.slice(0, digits);
}

/** Both ends of something long. */
export const ends = (long, kept = 8) => (long.length <= 2 * kept + 1 ? long : `${long.slice(0, kept)}…${long.slice(-kept)}`);

/** `340 ms`, `2.4 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms) {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 1000) return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long ago, from two times in milliseconds. */
export function ago(then, now = Date.now()) {
  const passed = now - then;
  return passed < 1000 ? "just now" : `${duration(passed - (passed % 1000))} ago`;
}

// Made once: to make one takes longer than to draw a whole frame.
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const OF_TODAY = new Intl.DateTimeFormat(undefined, CLOCK);
const OF_ANOTHER = new Intl.DateTimeFormat(undefined, { ...CLOCK, year: "numeric", month: "numeric", day: "numeric" });

/** A time of day, and the day if it is another than today. Milliseconds since the Unix epoch. */
export function time(ms) {
  const [then, now] = [new Date(ms), new Date()];
  const today = then.getDate() === now.getDate() && then.getMonth() === now.getMonth() && then.getFullYear() === now.getFullYear();
  return Number.isFinite(ms) ? (today ? OF_TODAY : OF_ANOTHER).format(then) : "–";
}

/** `200 kH/s`. */
export function hashRate(rate) {
  if (rate === null || rate === undefined) return "no cap";
  const [unit, name] = rate >= 1e9 ? [1e9, "GH/s"] : rate >= 1e6 ? [1e6, "MH/s"] : rate >= 1e3 ? [1e3, "kH/s"] : [1, "H/s"];
  return `${Number((rate / unit).toPrecision(3))} ${name}`;
}

/** `14.2 MB`. */
export function bytes(count) {
  if (count === null || count === undefined) return "–";
  const [unit, name] = count >= 1e9 ? [1e9, "GB"] : count >= 1e6 ? [1e6, "MB"] : count >= 1e3 ? [1e3, "kB"] : [1, "B"];
  return `${Number((count / unit).toPrecision(3))} ${name}`;
}

/** `1 block`, `2 blocks`. */
export const count = (number, one, many = `${one}s`) => `${whole(number)} ${number === 1 ? one : many}`;
