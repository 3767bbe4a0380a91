// What happened, in sentences, newest first. A sentence about a change of branches opens to both branches and to what went
// back to the pools.

import { get } from "/web/base/api.js";
import { el, fill } from "/web/base/dom.js";
import { time } from "/web/base/format.js";
import { nodeColour } from "../model/colour.js";
import { sentence, short } from "../model/names.js";
import { atMost } from "./frames.js";

const SHOWN = 150;
const PAGE = 100;
const MOST = 500;
/** Sentences kept while nobody looks further back. */
const KEPT = 4000;
/** Entries. */
const FAR = 5000;

/** What is worth asking for sentences about. */
const NOTABLE = new Set([
  "begun",
  "ready",
  "ended",
  "paused",
  "resumed",
  "removed",
  "split",
  "healed",
  "links",
  "hash_rate",
  "mining",
  "step",
  "verdict",
  "reorganised",
  "contradicted",
  "penalty",
  "lost",
  "side",
  "disconnected",
]);
/** What every block does that comes late: so many that they would hide the rest. */
const MANY = new Set(["side", "orphan"]);
const KINDS = {
  reorganised: "change",
  contradicted: "bad",
  split: "warn",
  ended: "warn",
  lost: "warn",
  penalty: "warn",
  healed: "good",
  ready: "good",
};

/** `onStories` gets all that are known whenever there are more. */
export function feedView({ onSelect, onStories }) {
  const list = el("ol", { id: "feed", class: "feed" });
  const empty = el(
    "p",
    { class: "empty" },
    "Nothing has happened yet. Mine a few blocks, or split the network, and it will be told here.",
  );
  const more = el("button", { type: "button", id: "feed-more", hidden: true, on: { click: () => older() } }, "Earlier");
  const every = el("input", { type: "checkbox", id: "feed-every", on: { change: () => draw() } });
  const choice = el("label", { class: "beside quiet" }, every, "Also each block that came late or stayed beside a chain");
  const element = el("div", { class: "stack" }, choice, empty, list, more);
  let base = "";
  let stories = new Map();
  let [first, next, oldest] = [null, null, 0];
  let shownUntil = Infinity;
  let asking = false;
  let again = false;
  let zero = null;
  let limit = SHOWN;
  let paging = false;
  let newest = 0;

  const fetchNew = atMost(700, async () => {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    const of = base;
    try {
      const answer = await get(`${of}/stories?${next === null ? `limit=${PAGE}` : `from=${next}&limit=${MOST}`}`);
      if (of === base) {
        next = answer.to + 1;
        take(answer);
        // Where more happens than can be told, what is newest counts.
        if (newest - answer.to > FAR) {
          stories.clear();
          [first, next] = [null, null];
          again = true;
        }
      }
    } catch {
      // The stream says that the manager is away; what is new is asked for when it is back.
    } finally {
      asking = false;
      if (again) {
        again = false;
        fetchNew();
      }
    }
  });

  // A sentence may get longer while more nodes do the same: then it comes again with its number.
  function take(answer) {
    for (const story of answer.stories) stories.set(story.number, story);
    first = first === null ? answer.from : Math.min(first, answer.from);
    if (stories.size > KEPT && shownUntil === Infinity) {
      const sorted = [...stories.keys()].sort((one, other) => other - one).slice(0, KEPT / 2);
      stories = new Map(sorted.map((number) => [number, stories.get(number)]));
      first = sorted.at(-1);
    }
    draw();
    onStories([...stories.values()]);
  }

  async function older() {
    limit += SHOWN;
    if (first > oldest) await page(PAGE);
    draw();
  }

  async function page(most) {
    const of = base;
    try {
      const answer = await get(`${of}/stories?before=${first}&limit=${most}`);
      if (of === base) take(answer);
    } catch {
      /* What there is stays. */
    }
  }

  // What led to an earlier moment has to be there before it can be shown.
  async function back(number) {
    if (paging) return;
    paging = true;
    for (let before = null; first !== null && first > number && first > oldest && first !== before;) {
      before = first;
      await page(MOST);
    }
    paging = false;
  }

  function draw() {
    const wanted = [...stories.values()]
      .filter((story) => story.at <= shownUntil && (every.checked || !MANY.has(story.kind)))
      .sort((one, other) => other.at - one.at || other.number - one.number)
      .slice(0, limit);
    const known = new Map([...list.children].map((item) => [item.dataset.story, item]));
    const items = wanted.map((story) => {
      const item = known.get(String(story.number));
      if (item?.dataset.text === story.text) return item;
      const open = item?.querySelector("details")?.open ?? false;
      return told(story, open);
    });
    items.forEach((item, at) => {
      if (list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null);
    });
    while (list.children.length > items.length) list.lastChild.remove();
    empty.hidden = items.length > 0;
    more.hidden = items.length < limit && !(first > oldest);
  }

  const when = (at) => (zero === null ? time(at) : `${((at - zero) / 1000).toFixed(2)} s`);

  function told(story, open) {
    const kind = KINDS[story.kind] ?? "plain";
    const head = [
      el("time", { class: "quiet number" }, when(story.at)),
      el("span", { class: "words" }, sentence(story.text)),
    ];
    const hasMore = story.details?.length > 0 || story.change;
    const properties = { class: `story ${kind}`, dataset: { story: story.number, kind: story.kind, text: story.text } };
    if (!hasMore) return el("li", properties, el("div", { class: "head" }, head));
    const body = el("div", { class: "body" });
    const details = el("details", {}, el("summary", { class: "head" }, head), body);
    const build = () => {
      if (details.open && body.childElementCount === 0) fill(body, insides(story));
    };
    details.addEventListener("toggle", build);
    details.open = open;
    build();
    return el("li", properties, details);
  }

  function insides(story) {
    const { change } = story;
    const parts = (story.details ?? []).map((words) => el("p", { class: "quiet" }, sentence(words)));
    if (!change) return parts;
    const branch = (name, blocks, count, kind) =>
      el(
        "div",
        { class: `branch ${kind}`, dataset: { branch: kind } },
        el("h4", {}, `${name} (${count})`),
        el(
          "ol",
          {},
          (blocks ?? []).map((block) => el("li", {}, chip(block))),
        ),
      );
    return [
      el(
        "div",
        { class: "branches" },
        branch("Left", change.left_blocks, change.left, "left"),
        branch("Joined", change.joined_blocks, change.joined, "joined"),
      ),
      el("h4", {}, `Went back to the pool: ${change.returned === 0 ? "nothing" : change.returned}`),
      change.returned > 0 &&
        el(
          "ul",
          { class: "ids" },
          (change.returned_ids ?? []).map((id) => el("li", { class: "mono" }, id)),
        ),
      change.dropped?.length > 0 && [
        el("h4", {}, "Dropped"),
        el(
          "ul",
          { class: "ids" },
          change.dropped.map(({ id, reason }) => el("li", {}, el("span", { class: "mono" }, short(id)), ` ${reason}`)),
        ),
      ],
      ...parts,
    ];
  }

  function chip(block) {
    const square = el("i", { class: "square" }, block.by ?? "?");
    square.style.background = nodeColour(block.by);
    return el(
      "button",
      {
        type: "button",
        class: "plain chip",
        dataset: { block: block.hash },
        on: { click: () => onSelect(block.hash) },
      },
      square,
      ` block ${block.height} `,
      el("span", { class: "mono" }, short(block.hash)),
    );
  }

  return {
    element,
    /** Begins with another network. */
    open(of) {
      base = of;
      newest = 0;
      stories = new Map();
      [first, next] = [null, null];
      limit = SHOWN;
      fill(list);
      fetchNew();
    },
    /** Looks whether there is more to tell; `event` is what has happened, null for anything, and `number` that of the newest entry. */
    heard(event, number) {
      newest = number;
      if (event === null || NOTABLE.has(event.event)) fetchNew();
    },
    /**
     * Shows what was told up to this time, that of entry `number`; `begin` is the zero of virtual time, null for a real
     * network.
     */
    until(at, begin, number) {
      if (at !== Infinity && first !== null && first > number) back(number);
      if (at === shownUntil && begin === zero) return;
      if (begin !== zero) fill(list);
      [shownUntil, zero] = [at, begin];
      draw();
    },
    /** Number of the first entry that the timeline has. */
    begins(number) {
      oldest = number;
    },
  };
}
