// The live block tree: a canvas that is panned, zoomed and walked by keys, with a list of the same blocks beside it.

import { button, el, text } from "/web/base/dom.js";
import { Camera, COLUMN, LANE } from "../model/camera.js";
import { short } from "../model/names.js";
import { onTheme, themeColours } from "./colours.js";
import { atMost, calm, eachFrame } from "./frames.js";
import { blockList } from "./list.js";
import { AXIS, DENSE, paint, view } from "./paint.js";
import { gestures } from "./gestures.js";

const ROOM = 130;
/** Columns whose lanes are kept in view. */
const RECENT = 18;

/** `onSelect(hash)` is called when a block is chosen. Gives `{ element, show(scene), changed(), select(hash) }`. */
export function treeView({ onSelect }) {
  const canvas = el("canvas", {
    id: "tree",
    tabindex: "0",
    role: "application",
    "aria-roledescription": "block tree",
    "aria-describedby": "tree-help",
    "aria-label": "Block tree",
  });
  const spoken = el("p", { class: "only-spoken", id: "tree-spoken", "aria-live": "polite" });
  const context = canvas.getContext("2d");
  const camera = new Camera();
  const born = new Map();
  const list = blockList(onSelect);
  let scene = null;
  let seen = null;
  let theme = themeColours();
  let [selected, hovered, focused] = [null, null, null];
  let before = 0;
  let listed = false;

  const want = eachFrame((time) => {
    if (!scene || camera.width === 0) return;
    seen ??= fresh(time);
    const passed = calm() ? Infinity : Math.min(100, time - before);
    before = time;
    const reach = [scene.lanes.lowest, scene.lanes.highest];
    const lane = scene.lanes.places.get(seen.best?.hash)?.lane ?? 0;
    const glides = camera.follow(reach, middle(lane), Math.min(ROOM, camera.width / 3), passed);
    const still = calm();
    const moves = paint(context, {
      camera,
      scene,
      seen,
      theme,
      selected,
      hovered,
      focused: document.activeElement === canvas ? focused : null,
      born,
      now: time,
      still,
    });
    if (moves || glides) want();
  });

  const renew = () => {
    seen = null;
    want();
  };
  const [often, seldom] = [atMost(30, renew), atMost(200, renew)];

  // What is new since the last frame begins to grow in; what there was at first does not.
  function fresh(time) {
    const { places } = scene.lanes;
    if (born.size === 0 || places.size - born.size > 60)
      for (const hash of places.keys()) if (!born.has(hash)) born.set(hash, -Infinity);
    if (places.size !== born.size) {
      for (const hash of places.keys()) if (!born.has(hash)) born.set(hash, time);
      if (born.size > places.size) for (const hash of born.keys()) if (!places.has(hash)) born.delete(hash);
    }
    if (listed) list.show(scene);
    return view(scene.network);
  }

  // With few lanes all of them are kept in view.
  function middle(lane) {
    const { lanes } = scene;
    let [top, bottom] = [lane, lane];
    for (let column = lanes.highest; column > lanes.highest - RECENT; column -= 1) {
      for (const place of lanes.columns.get(column) ?? [])
        [top, bottom] = [Math.min(top, place.lane), Math.max(bottom, place.lane)];
    }
    camera.lanes = bottom - top + 1;
    return (top + bottom) / 2 + AXIS / 2 / (LANE * camera.laneScale());
  }

  const place = (hash) => {
    const at = scene?.lanes.places.get(hash);
    if (at) camera.reveal(at.height, at.lane);
  };
  const at = (x, y) => {
    if (!scene || y > camera.height - AXIS) return null;
    const column = Math.round(camera.columnAt(x));
    const reach = Math.max(9, 18 * camera.scale);
    let found = null;
    for (const other of scene.lanes.columns.get(column) ?? []) {
      const away = Math.hypot(camera.x(column) - x, camera.y(other.lane) - y);
      if (away <= reach + 6 && (!found || away < found.away)) found = { away, hash: other.hash };
    }
    return found?.hash ?? null;
  };

  gestures(canvas, {
    pan: (dx, dy) => {
      camera.pan(dx, dy);
      changedCamera();
    },
    zoom: (factor, x) => {
      camera.zoom(factor, x);
      changedCamera();
    },
    hover: (x, y) => {
      const hash = x === null ? null : at(x, y);
      if (hash === hovered) return;
      hovered = hash;
      canvas.classList.toggle("over", hash !== null);
      want();
    },
    tap: (x, y) => {
      const hash = at(x, y);
      if (!hash) return;
      focused = hash;
      onSelect(hash);
    },
  });

  const WAYS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", Home: "first", End: "last" };
  canvas.addEventListener("keydown", (event) => {
    if (!scene || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key in WAYS) {
      focused =
        focused && scene.lanes.places.has(focused)
          ? scene.lanes.neighbour(focused, WAYS[event.key])
          : (seen?.best?.hash ?? null);
      place(focused);
      if (event.key === "End") camera.goFollow();
      speak();
    } else if ((event.key === "Enter" || event.key === " ") && focused) onSelect(focused);
    else if (event.key === "+" || event.key === "=") camera.zoom(1.25);
    else if (event.key === "-") camera.zoom(0.8);
    else if (event.key === "f") camera.goFollow();
    else if (event.key === "0") camera.fit(scene.lanes.lowest, scene.lanes.highest);
    else return;
    event.preventDefault();
    changedCamera();
  });
  canvas.addEventListener("focus", () => {
    focused ??= selected ?? seen?.best?.hash ?? null;
    want();
  });
  canvas.addEventListener("blur", want);

  function speak() {
    const block = scene.network.blocks.get(focused);
    if (!block) return;
    const miner = scene.network.minerOf(block);
    const tip = seen?.tips.get(focused);
    text(
      spoken,
      `Block ${block.height}, ${short(block.hash)}${miner === null ? "" : `, mined by node ${miner}`}, ` +
        `${seen?.chains.has(focused) ? "on the chain" : "stale"}${tip ? `, tip of ${tip.up.length + tip.down.length} nodes` : ""}. Enter for more.`,
    );
  }

  const followButton = button(
    "Follow",
    () => {
      camera.goFollow();
      changedCamera();
    },
    { id: "tree-follow", "aria-pressed": "true", title: "Stay with the newest block (f)" },
  );
  const listButton = button("As a list", () => showList(!listed), { id: "tree-as-list", "aria-pressed": "false" });
  const zoomOut = button(
    "−",
    () => {
      camera.zoom(0.7);
      changedCamera();
    },
    { id: "tree-zoom-out", class: "icon", "aria-label": "Zoom out", title: "Zoom out (-)" },
  );
  const zoomIn = button(
    "+",
    () => {
      camera.zoom(1.4);
      changedCamera();
    },
    { id: "tree-zoom-in", class: "icon", "aria-label": "Zoom in", title: "Zoom in (+)" },
  );
  const fit = button(
    "Whole",
    () => {
      if (scene) camera.fit(scene.lanes.lowest, scene.lanes.highest);
      changedCamera();
    },
    { id: "tree-fit", title: "Show the whole tree (0)" },
  );

  function showList(wanted) {
    listed = wanted;
    listButton.setAttribute("aria-pressed", String(listed));
    list.element.hidden = !listed;
    canvas.hidden = listed;
    if (listed && scene) list.show(scene);
    want();
  }

  function changedCamera() {
    followButton.setAttribute("aria-pressed", String(camera.follows));
    want();
  }

  const stage = el("div", { class: "stage" }, canvas, list.element);
  list.element.hidden = true;
  new ResizeObserver(() => {
    const { width, height } = stage.getBoundingClientRect();
    const ratio = Math.min(2, devicePixelRatio || 1);
    if (width === 0) return;
    if (canvas.width === 300 && width < 500) camera.scale = 0.8;
    [camera.width, camera.height] = [width, height];
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    want();
  }).observe(stage);
  onTheme(() => {
    theme = themeColours();
    want();
  });

  const element = el(
    "section",
    { class: "card tree", "aria-labelledby": "tree-title" },
    el(
      "div",
      { class: "row spread" },
      el("h2", { id: "tree-title" }, "Block tree"),
      el("div", { class: "row tools" }, followButton, zoomOut, zoomIn, fit, listButton),
    ),
    stage,
    el(
      "p",
      { class: "legend quiet", id: "tree-help" },
      el("span", {}, el("i", { class: "key full" }), " on a chain; number and colour are its miner’s"),
      el("span", {}, el("i", { class: "key stale" }), " stale: mined, but on no node’s chain"),
      el("span", {}, el("i", { class: "key tip" }, "0–5"), " nodes whose tip, their newest block, it is"),
      el("span", {}, el("i", { class: "key share" }), " how many nodes have it"),
      el("span", { class: "wide-only" }, "Arrow keys walk from block to block, Enter tells more"),
    ),
    spoken,
  );

  return {
    element,
    /** Shows another network, or another moment of it. */
    show(next) {
      if (next !== scene) born.clear();
      // The block of an address comes into view as soon as it is known.
      const isNew = selected && !scene?.lanes.places.has(selected);
      scene = next;
      if (isNew) place(selected);
      seen = null;
      changedCamera();
    },
    /** The network has changed. */
    changed() {
      // While it is followed closely each step is seen at once; in a tree drawn small nobody can tell.
      if (COLUMN * camera.scale < DENSE) seldom();
      else often();
    },
    /** Marks a block, and brings it into view. */
    select(hash) {
      selected = hash;
      if (hash) {
        focused = hash;
        place(hash);
      }
      changedCamera();
    },
  };
}
