// When something was said: the time of day, and the day where it needs saying.

import { el } from "/web/base/dom.js";
import { dayName, dayOf } from "../../logic/chat/words.js";

// Made once: to make one takes longer than to use it.
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });
const OF_ANOTHER_YEAR = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });

function moment(ms, words) {
  const then = new Date(ms);
  if (Number.isNaN(then.getTime())) return el("span", {}, "no time");
  return el("time", { class: "number", datetime: then.toISOString(), title: `${dayName(ms)}, ${CLOCK.format(ms)}, by the author's clock` }, words(then));
}

const isToday = (then) => dayOf(then.getTime()) === dayOf(Date.now());
const day = (then) => (then.getFullYear() === new Date().getFullYear() ? DAY : OF_ANOTHER_YEAR).format(then);

/** The time of day. */
export const clock = (ms) => moment(ms, (then) => CLOCK.format(then));

/** The time of day, or the day if it is another than today. */
export const clockOrDay = (ms) => moment(ms, (then) => (isToday(then) ? CLOCK.format(then) : day(then)));

/** The time of day, and the day if it is another than today. */
export const clockAndDay = (ms) => moment(ms, (then) => (isToday(then) ? CLOCK.format(then) : `${day(then)}, ${CLOCK.format(then)}`));
