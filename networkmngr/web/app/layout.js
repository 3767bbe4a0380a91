// The page as a whole: its frame, the sentence at the top, the quick orders, the panels, and when each is drawn.

import { el, keep, kept, text, themeSwitch } from "/web/base/dom.js";
import { count, whole } from "/web/base/format.js";
import { summary } from "../model/sentence.js";
import { blockCard } from "./blockcard.js";
import { controlsView } from "./controls.js";
import { feedView } from "./feed.js";
import { atMost } from "./frames.js";
import { lessonsView } from "./lessons.js";
import { nodesView } from "./nodes.js";
import { plotsView } from "./plots.js";
import { quickOrders } from "./quick.js";
import { runView } from "./run.js";
import { tabList } from "./tabs.js";
import { timebar } from "./timebar.js";
import { treeView } from "./tree.js";

const PANELS = { feed: "What happened", do: "Orders", lessons: "Lessons", figures: "Figures" };

/** Milliseconds. */
const PATIENCE = 800;

/** Builds the page. Gives what `main.js` calls when something is another: `draw`, `plot`, `time`, `route`, and the views. */
export function layout(page, moments) {
  const select = (hash) => page.go({ block: hash });
  const tree = treeView({ onSelect: select });
  const feed = feedView({ onSelect: select, onStories: (all) => bar.marks(all) });
  const nodes = nodesView({ onOpen: page.openNode });
  const plots = plotsView();
  const controls = controlsView(page);
  const lessons = lessonsView({ onRun: (run) => page.go({ run, panel: "feed", block: null }) });
  const run = runView({ onOver: () => page.go({ run: null, block: null }), onPlay: moments.again });
  const block = blockCard({ onSelect: select, onClose: () => page.go({ block: null }), explorer: page.explorer });
  const bar = timebar({
    onSeek: moments.seek,
    onPlay: moments.play,
    onPause: moments.pause,
    onSpeed: moments.speed,
    onLive: moments.live,
  });

  const sentence = el("h1", { id: "sentence" }, "Asking the manager…");
  const spoken = el("p", { class: "only-spoken", id: "sentence-spoken", "aria-live": "polite" });
  const speak = atMost(2000, () => {
    text(spoken, sentence.textContent);
    document.title = `${sentence.textContent.replace(/\.$/, "")} · networkmngr`;
  });
  let settled = 0;
  const more = el("p", { class: "quiet", id: "sentence-more" });
  const connection = el("span", { class: "tag", id: "connection" });
  const quick = quickOrders(page);
  const pastNote = el("p", { class: "past", id: "past", hidden: true });

  const contents = { feed: feed.element, do: controls.element, lessons: lessons.element, figures: plots.element };
  const tabs = tabList(contents, PANELS, (panel) => page.go({ panel }));
  const side = el("section", { class: "card side", "aria-label": "Panels" }, tabs.element, Object.values(contents));

  const top = el(
    "header",
    { class: "top" },
    el("span", { class: "brand" }, "networkmngr", el("span", { class: "quiet", id: "version" })),
    quick.element,
    el("div", { class: "row corner" }, connection, el("a", { href: "/docs", class: "quiet" }, "API"), themeSwitch()),
    el("div", { class: "says", id: "says" }, sentence, more, spoken),
    pastNote,
  );
  document.body.append(
    el(
      "a",
      {
        class: "skip",
        href: "#main",
        on: {
          click: (event) => {
            event.preventDefault();
            document.querySelector("#main").focus();
          },
        },
      },
      "To the tree",
    ),
    top,
    el(
      "main",
      { id: "main", tabindex: "-1" },
      el("div", { class: "column" }, tree.element, nodes.element),
      el("div", { class: "column" }, run.element, block.element, side),
    ),
    bar.element,
  );

  let panel = null;

  function showPanel(wanted) {
    if (wanted === panel) return;
    panel = wanted;
    keep("panel", panel);
    tabs.show(panel);
    if (panel === "lessons") lessons.update();
    if (panel === "figures") plots.update(page.scene());
    if (panel === "do") controls.update();
  }

  function says() {
    const away = page.connection !== "live" && page.connection !== "over" && page.player === null;
    const { network } = page.scene();
    const told =
      page.connection === "gone"
        ? {
            kind: "warn",
            words: page.problem.message,
            more: ["Go back to the live network, or choose another run among the lessons."],
          }
        : page.stopped && away
          ? {
              kind: "warn",
              words: "The network was shut down.",
              more: ["Start it again with the same command, and this page goes on by itself."],
            }
          : away && page.connection === "waiting"
            ? {
                kind: "bad",
                words:
                  page.problem && page.problem.status !== 0 ? page.problem.message : "The manager does not answer.",
                more: ["This page keeps trying, and goes on by itself when it is back."],
              }
            : network.nodes.size === 0 && away
              ? { kind: "warn", words: "Asking the manager…", more: [] }
              : summary(network, page.connection === "over" && page.player === null);
    // What is over in a moment does not take the sentence away from what it was.
    if (!told.passing) settled = performance.now();
    if (!told.passing || performance.now() - settled > PATIENCE) {
      text(sentence, told.words);
      document.querySelector("#says").dataset.kind = told.kind;
      speak();
    }
    const further = away ? [] : [page.live() ? jobWords(network, page.job) : "", extent(network)];
    text(more, [...told.more, ...further].filter(Boolean).join(" "));
    const past = page.player !== null;
    text(
      connection,
      past
        ? "earlier"
        : { live: "live", waiting: "no answer", loading: "loading", over: "ended", gone: "gone" }[page.connection],
    );
    connection.className = `tag ${past ? "warn" : ({ live: "good", waiting: "bad", loading: "warn" }[page.connection] ?? "")}`;
    if (page.status) text(document.querySelector("#version"), ` ${page.status.manager.version}`);
  }

  function time() {
    const { network } = page.source.scene;
    const told = page.timeline;
    const zero = network.simulated && told ? told.begun : null;
    page.scene().network.zero = zero;
    bar.element.hidden = !told;
    if (told) {
      // The network's own clock goes on also while nothing happens in it.
      const now = network.simulated || page.base !== "" ? network.at : Math.max(network.at, Date.now());
      bar.reaches(told.begun, Math.max(told.ended, now), network.simulated);
      feed.begins(told.first);
    }
    const at = page.player?.at ?? null;
    bar.update({ at: at ?? network.at, live: page.player === null, playing: page.player?.playing ?? false });
    feed.until(at ?? Infinity, zero, page.scene().network.number);
    pastNote.hidden = page.player === null;
    if (page.player !== null)
      text(pastNote, "You are looking at an earlier moment. Choose Live at the bottom to come back.");
    document.body.classList.toggle("is-past", page.player !== null);
  }

  return {
    tree,
    feed,
    time,
    draw() {
      const scene = page.scene();
      says();
      quick.update();
      nodes.update(scene, page.live() ? page.health : new Map());
      block.show(scene, page.route.block);
      if (panel === "do") controls.update();
      time();
    },
    plot() {
      if (panel === "figures") plots.update(page.scene());
    },
    route(route) {
      showPanel(route.panel ?? panel ?? kept("panel") ?? "feed");
      tree.select(route.block);
      block.show(page.scene(), route.block);
      if (route.block && matchMedia("(max-width: 900px)").matches) block.element.scrollIntoView({ block: "nearest" });
      if (route.run === null) run.close();
      else run.open(route.run);
      document.body.classList.toggle("is-run", route.run !== null);
    },
  };
}

/** How much has been mined, as far as this page knows. */
function extent(network) {
  const best = network.best();
  if (!best || best.height === 0) return "Mine some blocks, and watch them spread.";
  const stale = network.blocks.size - network.onChains().size;
  return `${count(best.height, "block")} on the best chain, ${stale === 0 ? "none" : whole(stale)} of all ${whole(network.blocks.size - 1)} stale.`;
}

function jobWords(network, job) {
  if (!network.mining) return "";
  if (network.mining.bursts === null) return "Every node mines without end.";
  return job && job.job === network.mining.job
    ? `Mining: ${job.done} of ${job.times} bursts are over.`
    : `Mining ${network.mining.bursts} bursts.`;
}
