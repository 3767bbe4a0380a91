// Small plots over the newest blocks: one measure each, with its unit on the axis and the values under the pointer.

import { el, fill } from "/web/base/dom.js";
import { duration, whole } from "/web/base/format.js";
import { series } from "../model/figures.js";

const WIDTH = 320;
const HEIGHT = 130;
const EDGE = { left: 50, right: 8, top: 10, bottom: 24 };

const PLOTS = [
  { id: "interval", title: "Time between blocks", lines: [["interval", "a", "interval"]], show: duration, tick: brief },
  {
    id: "difficulty",
    title: "Difficulty, in hashes for one block",
    lines: [["difficulty", "a", "difficulty"]],
    show: compact,
  },
  {
    id: "propagation",
    title: "Time until nodes had a block",
    lines: [
      ["p99", "c", "99 %"],
      ["p90", "b", "90 %"],
      ["p50", "a", "half"],
    ],
    show: duration,
    tick: brief,
  },
  {
    id: "stale",
    title: "Stale blocks, of the last 50 heights",
    lines: [["stale", "a", "stale"]],
    show: (part) => `${(part * 100).toFixed(1)} %`,
    most: 0.05,
  },
];

/** `{ element, update(scene) }`. */
export function plotsView() {
  const element = el("div", { class: "plots", id: "plots" });
  const empty = el("p", { class: "empty" }, "There is nothing to plot before the second block. Mine a few.");
  const drawn = PLOTS.map((plot) => frame(plot));
  element.append(empty, ...drawn.map((plot) => plot.element));
  return {
    element,
    update({ network }) {
      const found = series(network);
      const some = found.heights.length > 1;
      empty.hidden = some;
      for (const plot of drawn) {
        plot.element.hidden = !some;
        if (some) plot.draw(found);
      }
    },
  };
}

function brief(ms) {
  if (ms < 60_000) return duration(ms);
  return ms < 3_600_000
    ? `${Number((ms / 60_000).toPrecision(2))} min`
    : `${Number((ms / 3_600_000).toPrecision(2))} h`;
}

function compact(number) {
  return number >= 1e6
    ? `${Number((number / 1e6).toPrecision(3))} M`
    : number >= 1e4
      ? `${Number((number / 1e3).toPrecision(3))} k`
      : whole(number);
}

function frame({ id, title, lines, show, tick, most = 0 }) {
  const svg = el("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, tabindex: "0", role: "img" });
  const value = el("figcaption", { class: "value number", "aria-live": "off" });
  const legend =
    lines.length > 1 &&
    el(
      "span",
      { class: "plot-legend quiet" },
      lines.map(([, style, name]) => el("span", {}, el("i", { class: `dash ${style}` }), name)),
    );
  const element = el(
    "figure",
    { class: "plot-box", id: `plot-${id}`, dataset: { plot: id } },
    el("div", { class: "row spread" }, el("h3", {}, title), legend),
    svg,
    value,
  );
  const cursor = el("line", { class: "cursor", y1: EDGE.top, y2: HEIGHT - EDGE.bottom, visibility: "hidden" });
  let data = null;
  let at = null;

  const x = (index) => EDGE.left + ((WIDTH - EDGE.left - EDGE.right) * index) / Math.max(1, data.heights.length - 1);

  function tell() {
    const index = Math.min(at ?? data.heights.length - 1, data.heights.length - 1);
    const words = lines.map(([key, , name]) => {
      const number = data[key][index];
      return `${lines.length > 1 ? `${name} ` : ""}${number === null ? "–" : show(number)}`;
    });
    value.textContent = `${at === null ? "now, " : ""}block ${data.heights[index]}: ${words.join(" · ")}`;
    svg.setAttribute("aria-label", `${title}; ${value.textContent}`);
    if (at === null) cursor.setAttribute("visibility", "hidden");
    else {
      cursor.setAttribute("visibility", "visible");
      cursor.setAttribute("x1", x(index));
      cursor.setAttribute("x2", x(index));
    }
  }
  svg.addEventListener("pointermove", (event) => {
    if (!data) return;
    const box = svg.getBoundingClientRect();
    const across = ((event.clientX - box.left) / box.width) * WIDTH;
    const part = (across - EDGE.left) / (WIDTH - EDGE.left - EDGE.right);
    at = Math.round(Math.min(1, Math.max(0, part)) * (data.heights.length - 1));
    tell();
  });
  const leave = () => {
    at = null;
    if (data) tell();
  };
  svg.addEventListener("pointerleave", leave);
  svg.addEventListener("blur", leave);
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !data) return;
    at = Math.min(data.heights.length - 1, Math.max(0, (at ?? data.heights.length - 1) + step));
    event.preventDefault();
    tell();
  });

  return {
    element,
    draw(found) {
      data = found;
      const top = nice(Math.max(most, ...lines.flatMap(([key]) => found[key].filter((number) => number !== null))));
      const y = (number) => EDGE.top + (HEIGHT - EDGE.top - EDGE.bottom) * (1 - number / top);
      fill(
        svg,
        [0, 0.5, 1].map((part) => [
          el("line", { class: "grid", x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(part * top), y2: y(part * top) }),
          el(
            "text",
            { x: EDGE.left - 5, y: y(part * top) + 4, "text-anchor": "end" },
            part === 0 ? "0" : (tick ?? show)(part * top),
          ),
        ]),
        el("text", { x: EDGE.left, y: HEIGHT - 7 }, `block ${found.heights[0]}`),
        el("text", { x: WIDTH - EDGE.right, y: HEIGHT - 7, "text-anchor": "end" }, found.heights.at(-1)),
        lines.map(([key, style]) => el("path", { class: `line ${style}`, d: path(found[key], y) })),
        cursor,
      );
      tell();
    },
  };

  function path(values, y) {
    let [d, pen] = ["", "M"];
    values.forEach((number, index) => {
      if (number === null) {
        pen = "M";
        return;
      }
      d += `${pen}${x(index).toFixed(1)} ${y(number).toFixed(1)}`;
      pen = "L";
    });
    return d;
  }
}

function nice(most) {
  if (!(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((digit) => digit * power >= most) * power;
}
