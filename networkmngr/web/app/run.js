// A lesson or scenario under way: how far it is, what it says, and what it came to.

import { get, post } from "/web/base/api.js";
import { button, el, fill } from "/web/base/dom.js";

const PAUSE = 500;
/** How a run stands, and how that is coloured. */
export const TAGS = { running: "warn", passed: "good", failed: "bad", stopped: "warn" };

/** `onOver()` is called to go back, `onPlay()` to play it from its beginning. `{ element, open(id), close() }`. */
export function runView({ onOver, onPlay }) {
  const element = el("section", { class: "card run", id: "run", hidden: true, "aria-labelledby": "run-title" });
  let id = null;
  let timer = null;
  let shown = "";

  async function ask() {
    const of = id;
    let state = "running";
    try {
      const run = await get(`/runs/${of}`);
      if (of !== id) return;
      state = run.state;
      const key = JSON.stringify(run);
      if (key !== shown) {
        shown = key;
        draw(run);
      }
    } catch (error) {
      if (of !== id) return;
      if (error.status === 404) {
        fill(element, head("Run"), el("p", {}, error.message));
        return;
      }
    }
    if (state === "running" || state === "starting" || state === "waiting") timer = setTimeout(ask, PAUSE);
  }

  const back = () => button("Back to the live network", onOver, { id: "run-back" });
  const head = (name, ...more) =>
    el("div", { class: "row spread" }, el("h2", { id: "run-title" }, name), el("div", { class: "row" }, more, back()));

  function draw(run) {
    const running = run.state === "running" || run.state === "starting";
    const { step } = run;
    element.dataset.state = run.state;
    const said = run.said ?? [];
    const prose = (Array.isArray(said) ? said : [said]).map((one) => (typeof one === "string" ? one : one.text));
    fill(
      element,
      head(
        run.name ?? "Scenario",
        running && button("Stop it", () => post(`/runs/${id}/stop`), { id: "run-stop" }),
        !running && button("Play it from the beginning", onPlay, { id: "run-play", class: "main" }),
      ),
      step &&
        el(
          "div",
          { class: "stack tight" },
          el("progress", {
            id: "run-progress",
            max: step.of,
            value: running ? step.number : step.of,
            "aria-label": `Step ${step.number} of ${step.of}`,
          }),
          running && el("p", { class: "quiet", id: "run-step" }, `Step ${step.number} of ${step.of}: ${step.text}`),
        ),
      prose.length > 0 &&
        el(
          "div",
          { class: "said", id: "run-said", "aria-live": "polite" },
          prose.map((words) => el("p", {}, words.trim())),
        ),
      run.verdict && verdict(run),
      (run.expectations ?? []).length > 0 &&
        el(
          "details",
          { id: "run-expectations" },
          el("summary", {}, "What was expected"),
          el(
            "ul",
            {},
            run.expectations.map((one) =>
              el(
                "li",
                {},
                el(
                  "span",
                  { class: `tag ${one.passed === null ? "" : one.passed ? "good" : "bad"}` },
                  one.passed === null ? "not judged yet" : one.passed ? "held" : "did not hold",
                ),
                ` ${one.text}${one.measured === null || one.measured === undefined ? "" : ` (measured: ${Number(one.measured.toPrecision(4))})`}${one.passed === false && one.reason ? `: ${one.reason}` : ""}`,
              ),
            ),
          ),
        ),
      run.error && el("p", { class: "bad-text" }, run.error),
    );
    element.querySelector("#run-said")?.lastChild?.scrollIntoView?.({ block: "nearest" });
  }

  function verdict(run) {
    const guess = run.right === true || run.right === false;
    return el(
      "div",
      { class: "verdict", id: "run-verdict", dataset: { state: run.state } },
      guess &&
        el(
          "p",
          { class: run.right ? "good-text" : "warn-text", id: "run-answer", dataset: { right: run.right } },
          el("b", {}, run.right ? "Your prediction was right." : "It came out differently than you predicted."),
        ),
      run.because && el("p", { id: "run-because" }, run.because.trim()),
      el("p", {}, el("span", { class: `tag ${TAGS[run.state] ?? ""}` }, run.state), " ", run.verdict),
    );
  }

  return {
    element,
    open(of) {
      if (of === id) return;
      clearTimeout(timer);
      id = of;
      shown = "";
      element.hidden = false;
      fill(element, head("…"));
      ask();
    },
    close() {
      clearTimeout(timer);
      id = null;
      element.hidden = true;
    },
  };
}
