// The bar at the bottom: the whole timeline, with what was of note on it; drag to a moment, play from there, or stay live.

import { button, el, fill, text } from "/web/base/dom.js";
import { duration, time } from "/web/base/format.js";

const MARKS = {
  reorganised: "change",
  split: "warn",
  healed: "good",
  ended: "bad",
  contradicted: "bad",
  verdict: "good",
};
const SPEEDS = [1, 10, 100];

/** `onSeek(at)`, `onPlay()`, `onPause()`, `onSpeed(factor)` and `onLive()` are called for what is wanted. */
export function timebar({ onSeek, onPlay, onPause, onSpeed, onLive }) {
  let [begun, ended, zero] = [0, 0, null];
  let speed = 1;
  let playing = false;
  let live = true;
  let noted = [];
  const slider = el("input", {
    type: "range",
    id: "time-slider",
    min: "0",
    max: "1",
    step: "1",
    value: "1",
    "aria-label": "Moment shown",
    on: { input: () => onSeek(Number(slider.value)) },
  });
  const marks = el("svg", {
    class: "marks",
    viewBox: "0 0 1000 10",
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  const label = el("output", { class: "number", id: "time-label" });
  const play = button("▶", () => (playing ? onPause() : onPlay()), {
    id: "time-play",
    class: "icon",
    "aria-label": "Play from here",
  });
  const speeds = el(
    "select",
    {
      id: "time-speed",
      "aria-label": "Speed",
      on: {
        change: () => {
          speed = Number(speeds.value);
          onSpeed(speed);
        },
      },
    },
    SPEEDS.map((factor) => el("option", { value: factor }, `${factor}×`)),
  );
  const toLive = button("Live", onLive, { id: "time-live", "aria-pressed": "true" });
  const element = el(
    "section",
    { class: "timebar", id: "timebar", "aria-label": "Timeline", dataset: { live: "true" } },
    play,
    speeds,
    el("div", { class: "track" }, marks, slider),
    label,
    toLive,
  );

  function draw() {
    fill(
      marks,
      noted.map((story) => {
        const x = (1000 * (story.at - begun)) / (ended - begun || 1);
        return el("rect", { class: MARKS[story.kind], x: (x - 1.5).toFixed(1), y: 0, width: 3, height: 10 });
      }),
    );
  }

  const shown = (at) => (zero === null ? time(at) : `${((at - zero) / 1000).toFixed(1)} s`);

  return {
    element,
    /** The timeline reaches from here to there; `virtual` times begin at 0. */
    reaches(from, to, virtual) {
      if (from === begun && to === ended) return;
      [begun, ended, zero] = [from, Math.max(to, from + 1), virtual ? from : null];
      slider.min = begun;
      slider.max = ended;
      // A key moves it by a thousandth.
      slider.step = Math.max(1, Math.floor((ended - begun) / 1000));
      draw();
    },
    /** `{ at, live, playing }` is what is shown now. */
    update(state) {
      ({ live, playing } = state);
      element.dataset.live = String(live);
      const at = live ? ended : state.at;
      if (document.activeElement !== slider || !slider.matches(":active")) slider.value = at;
      slider.setAttribute("aria-valuetext", live ? "now" : shown(at));
      text(
        label,
        live
          ? ended > begun
            ? `${duration(ended - begun)} so far`
            : ""
          : `${shown(at)}, ${duration(Math.max(0, ended - at))} ago`,
      );
      text(play, playing ? "❚❚" : "▶");
      play.setAttribute("aria-label", playing ? "Pause" : live ? "Play again from the beginning" : "Play from here");
      toLive.setAttribute("aria-pressed", String(live));
      toLive.classList.toggle("main", !live);
    },
    /** Marks where something of note happened. */
    marks(stories) {
      noted = stories.filter((story) => story.kind in MARKS);
      draw();
    },
  };
}
