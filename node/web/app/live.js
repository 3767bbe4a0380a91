// The page's one stream of events, and how the node is doing. Everything that is shown live hears of changes here.

import { get } from "/web/base/api.js";
import { follow } from "/web/base/live.js";
import { Fates } from "./logic/fates.js";

const NAMES = ["connected", "confirmed", "reorganised", "disconnected", "side", "pooled", "dropped", "contradicted", "restarted", "gap"];
/** Events without a number, which no journal keeps. */
const PASSING = ["orphan", "penalty", "chat"];
/** Events after which the health is another. */
const TELLING = new Set(["connected", "disconnected", "pooled", "dropped", "restarted"]);
const SOON = 150;
/** Milliseconds between two looks at what no event tells: peers, and whether it mines. */
const BEAT = 4000;
/** Journal entries from before the page was opened that are told. */
const BACK = 40;
/** Milliseconds that a page may be hidden before it lets the stream go. */
const HIDDEN = 20_000;

const hearers = new Set();
const tell = (news) => [...hearers].forEach((hearer) => hearer(news));

/** What is known at this moment. `state` is "live" or "waiting", `health` what `/health` said last (null before). */
export const live = {
  state: "waiting",
  health: null,
  fates: new Fates(),
  /** The tip's height; 0 before it is known. */
  get tip() {
    return live.health?.height ?? 0;
  },
};

/**
 * Calls `hearer` with all news until the function that it returns is called: `{ kind: "event", event, changed }` (`changed`:
 * ids of the transactions concerned), `{ kind: "chat", event }` for the rooms of the account in use, `{ kind: "past", event }` for what happened before, `{ kind: "health" }`,
 * `{ kind: "state" }`, and `{ kind: "refresh" }` when anything may have changed.
 */
export function hear(hearer) {
  hearers.add(hearer);
  return () => hearers.delete(hearer);
}

/** Asks for the health now. */
export async function look() {
  try {
    const health = await get("/health");
    live.health = health;
    tell({ kind: "health" });
  } catch {
    // The stream says that the node is gone.
  }
}

let soon = null;
function lookSoon() {
  soon ??= setTimeout(() => {
    soon = null;
    look();
  }, SOON);
}

/** The number of the node's newest journal entry; 0 if it has none. */
async function newest() {
  // Asked for what is far ahead, the node answers at once with where its journal ends.
  const asking = new AbortController();
  const answer = await fetch(`/events?from=${Number.MAX_SAFE_INTEGER}`, { signal: asking.signal });
  const { value } = await answer.body.getReader().read();
  asking.abort();
  return Number(/^id: ?(\d+)/m.exec(new TextDecoder().decode(value))?.[1] ?? 0);
}

let stream = null;
let reopened = false;

/** Opens the stream anew: only one that was opened with a session tells what is for its account alone. */
export function reopen() {
  reopened = true;
  stream?.reopen();
}

/**
 * Opens the stream, a few entries back, so that a page says what happened just before it was opened: those are told with
 * `past` set, and nothing is to be read again because of them. It is let go while nobody sees the page, and goes on where it
 * was.
 */
export async function begin() {
  const end = await newest().catch(() => null);
  stream = follow("/events", {
    names: NAMES,
    passing: PASSING,
    from: end === null ? undefined : Math.max(1, end + 1 - BACK),
    onState: (state) => {
      const came = state === "live" && (live.state !== "live" || reopened);
      live.state = state;
      tell({ kind: "state" });
      if (!came) return;
      reopened = false;
      look();
      tell({ kind: "refresh" });
    },
    onEvent: (event, id) => {
      if (event.event === "chat") {
        tell({ kind: "chat", event });
        return;
      }
      const changed = live.fates.take(event);
      if (end !== null && id !== "" && Number.parseInt(id, 10) <= end && event.event !== "gap") {
        tell({ kind: "past", event });
        return;
      }
      if (event.event === "connected" && live.health) live.health = { ...live.health, height: event.height, tip: event.hash };
      tell({ kind: "event", event, changed: changed ?? [] });
      if (changed === null) tell({ kind: "refresh" });
      if (TELLING.has(event.event)) lookSoon();
    },
  });
  let hidden = null;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (document.visibilityState === "visible") stream.resume();
    else hidden = setTimeout(stream.pause, HIDDEN);
  });
  // A page that the browser keeps for going back to it must not keep its connection.
  addEventListener("pagehide", stream.pause);
  addEventListener("pageshow", stream.resume);
  setInterval(() => {
    if (document.visibilityState === "visible") look();
  }, BEAT);
}
