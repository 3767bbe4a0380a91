// A stream of server-sent events that goes on where it was after the server, or the way to it, was gone.

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5000;

/**
 * Follows `path`. `onEvent(event, id)` gets each event's JSON, `onState("live" | "waiting")` each change. `from` is the
 * number of the first event wanted, if not only what comes from now on; `names` are the events listened to. After the
 * event `ending`, if one is named, nothing more is asked for, and the state is `"over"`. `passing` are events without a
 * number, which are told once to whoever listens.
 * Returns `{ pause(), resume(), reopen(), close() }`: a page that nobody sees should pause, for a browser gives all pages of a
 * server together only a few connections. Nothing that has a number is missed by it. `reopen` asks anew for what follows, as
 * somebody else perhaps.
 */
export function follow(path, { names, passing = [], from, ending, onEvent, onState = () => {} }) {
  let source = null;
  let pause = FIRST_PAUSE;
  let timer = null;
  let last = null;
  let over = false;
  let ended = false;

  const open = () => {
    const next = last === null ? from : after(last);
    source = new EventSource(next === undefined ? path : `${path}${path.includes("?") ? "&" : "?"}from=${next}`);
    source.onopen = () => {
      pause = FIRST_PAUSE;
      onState("live");
    };
    source.onerror = () => {
      // The browser's own retries give up for good at the first refusal, such as that of a server that is starting.
      source.close();
      if (over) return;
      onState("waiting");
      timer = setTimeout(open, pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    };
    if (ending) {
      source.addEventListener(ending, () => {
        over = ended = true;
        source.close();
        onState("over");
      });
    }
    for (const name of names) {
      source.addEventListener(name, (message) => {
        const repeated = last !== null && message.lastEventId !== "" && !isAfter(message.lastEventId, last);
        if (message.lastEventId !== "") last = repeated ? last : message.lastEventId;
        if (repeated) return;
        onEvent(JSON.parse(message.data), message.lastEventId);
      });
    }
    // A browser gives these the number of the event before them.
    for (const name of passing) source.addEventListener(name, (message) => onEvent(JSON.parse(message.data), ""));
  };
  const close = () => {
    over = true;
    clearTimeout(timer);
    source.close();
  };
  open();
  return {
    pause() {
      if (!over) onState("waiting");
      close();
    },
    resume() {
      if (!over || ended) return;
      over = false;
      open();
    },
    reopen() {
      if (over) return;
      clearTimeout(timer);
      source.close();
      open();
    },
    close,
  };
}

// Ids are `ENTRY`, or `ENTRY.PART` for all but the last event of an entry: an entry that was not heard to its end is
// asked for again, and its first parts are left out.
function after(id) {
  return id.includes(".") ? Number(id.split(".")[0]) : Number(id) + 1;
}

function isAfter(id, last) {
  const [entry, part] = id.split(".").map(Number);
  const [lastEntry, lastPart] = last.split(".").map(Number);
  if (entry !== lastEntry) return entry > lastEntry;
  return lastPart !== undefined && (part === undefined || part > lastPart);
}
