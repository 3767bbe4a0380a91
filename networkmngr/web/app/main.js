// The network's page begins here: which network and which moment of it is shown, and who is told when it changes.

import { get } from "/web/base/api.js";
import { notice } from "/web/base/dom.js";
import { read, write } from "../model/route.js";
import { atMost } from "./frames.js";
import { layout } from "./layout.js";
import { openNode } from "./nodecard.js";
import { Player } from "./player.js";
import { Source } from "./source.js";

const HEALTH = 3000;

const page = {
  route: read(location.hash),
  base: "",
  source: null,
  player: null,
  health: new Map(),
  job: null,
  connection: "loading",
  problem: null,
  timeline: null,
  stopped: false,
  scene: () => page.player?.scene ?? page.source.scene,
  /** Whether orders make sense: the live network is shown as it is now. */
  live: () => page.base === "" && page.player === null,
  explorer: (number, hash) => {
    const address = page.health.get(number)?.address;
    const port = page.base === "" && address ? /:(\d+)\/?$/.exec(address)?.[1] : null;
    return port ? `http://${location.hostname}:${port}/${hash ? `#/block/${hash}` : ""}` : null;
  },
  refresh: () => askHealth(),
  leaving: () => {
    page.stopped = true;
  },
  go: (change) => {
    page.route = { ...page.route, ...change };
    history.pushState(null, "", write(page.route));
    followRoute();
  },
  openNode: (number) => openNode(page, number),
};

const views = layout(page, {
  seek: (at) => toMoment(at),
  play: () => {
    if (!page.player) again();
    else page.player.play();
    views.time();
  },
  again,
  pause: () => {
    page.player?.pause();
    views.time();
  },
  speed: (factor) => {
    page.speed = factor;
    if (page.player) page.player.speed = factor;
  },
  live: toLive,
});

const drawSoon = atMost(120, () => views.draw());
const plotSoon = atMost(1000, () => views.plot());

function changed(event) {
  views.tree.changed();
  drawSoon();
  plotSoon();
  if (page.player === null) views.feed.heard(event, page.source.scene.network.number);
}

function open(base) {
  page.source?.close();
  page.player?.pause();
  page.player = null;
  page.base = base;
  page.health = new Map();
  page.job = null;
  page.timeline = null;
  page.source = new Source(base, {
    onChange: (event) => {
      if (event === null) {
        if (page.player === null) views.tree.show(page.source.scene);
        askTimeline();
        views.feed.open(base);
      }
      if (page.player === null) changed(event);
    },
    onState: (state, error) => {
      const was = page.connection;
      page.connection = state;
      page.problem = error ?? null;
      if (state === "live") page.stopped = false;
      if (state === "live" && was !== "live") {
        askHealth();
        views.feed.heard(null, page.source.scene.network.number);
      }
      drawSoon();
    },
  });
  views.tree.show(page.source.scene);
  views.feed.open(base);
}

async function toMoment(at) {
  page.player ??= new Player(page.base, {
    onScene: (scene) => {
      views.tree.show(scene);
      changed(null);
    },
    onChange: changed,
    onEnd: toLive,
    onError: (error) => {
      notice(error.message, "bad");
      if (!page.player?.scene) toLive();
    },
  });
  page.player.speed = page.speed ?? 1;
  await page.player.seek(at);
  drawSoon();
}

async function again() {
  await toMoment(page.timeline?.begun ?? 0);
  page.player?.play();
}

function toLive() {
  page.player?.pause();
  page.player = null;
  views.tree.show(page.source.scene);
  changed(null);
}

async function askTimeline() {
  const { base } = page;
  try {
    const told = await get(`${base}/timeline`);
    if (base === page.base) page.timeline = told;
    drawSoon();
  } catch {
    /* The stream tells that the manager is away. */
  }
}

async function askHealth() {
  if (page.base !== "") return;
  try {
    const [{ nodes }, status] = await Promise.all([get("/nodes"), get("/status")]);
    if (page.base !== "") return;
    page.health = new Map(nodes.map((node) => [node.number, node]));
    page.job = status.job;
    page.source.scene.network.known(page.health, status.job);
    views.tree.changed();
    page.status = status;
  } catch {
    /* The stream tells that the manager is away. */
  }
  drawSoon();
}

function followRoute() {
  const base = page.route.run === null ? "" : `/runs/${page.route.run}`;
  if (base !== page.base || page.source === null) open(base);
  views.route(page.route);
}

addEventListener("popstate", () => {
  page.route = read(location.hash);
  followRoute();
});

followRoute();
askHealth();
setInterval(() => {
  if (!document.hidden && page.connection === "live") askHealth();
}, HEALTH);
setInterval(() => {
  if (!document.hidden && (page.player?.playing || page.connection === "live")) views.time();
}, 250);
