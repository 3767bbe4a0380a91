// Lessons and scenarios: choosing one, predicting its outcome, and starting it.

import { get, post } from "/web/base/api.js";
import { button, el, fill, notice } from "/web/base/dom.js";
import { TAGS } from "./run.js";

/** `onRun(id)` is called when one was started or chosen. `{ element, update() }`. */
export function lessonsView({ onRun }) {
  const list = el("ol", { class: "lessons", id: "lessons" });
  const runs = el("ul", { class: "runs", id: "runs" });
  const engine = el(
    "select",
    { id: "run-engine" },
    el("option", { value: "real" }, "real nodes"),
    el("option", { value: "simulated" }, "the simulator (at once)"),
  );
  const seed = el("input", { type: "number", id: "run-seed", min: "0", step: "1", placeholder: "any" });
  const scenario = el("textarea", {
    id: "scenario",
    spellcheck: "false",
    placeholder: 'name = "My scenario"\n\n[network]\nnodes = 4\n\n[[step]]\nmine = 3',
    "aria-label": "Scenario, as TOML",
  });
  const file = el("input", {
    type: "file",
    id: "scenario-file",
    accept: ".toml,text/plain",
    on: {
      change: async () => {
        if (file.files[0]) scenario.value = await file.files[0].text();
      },
    },
  });
  let loaded = false;

  const options = () => ({ engine: engine.value, ...(seed.value === "" ? {} : { seed: Number(seed.value) }) });
  async function begin(body) {
    const { id } = await post("/runs", { ...body, ...options() });
    notice("It runs. What you see is its own network.");
    onRun(id);
  }

  function lesson(told) {
    const name = `answer-${told.number}`;
    const choices = told.choices ?? [];
    const chosen = () => Number(item.querySelector("input:checked")?.value ?? 0);
    const start = button(
      "Predict and start",
      async () => {
        if (choices.length > 0 && chosen() === 0) throw new Error("Choose what you expect first.");
        await begin({ lesson: told.number, ...(choices.length > 0 ? { answer: chosen() } : {}) });
      },
      { class: "main", dataset: { start: told.number } },
    );
    const item = el(
      "details",
      { name: "lesson", dataset: { lesson: told.number } },
      el("summary", {}, el("b", { class: "number" }, told.number), " ", told.name),
      el(
        "div",
        { class: "stack tight inside" },
        told.about && el("p", {}, told.about.trim()),
        told.question &&
          el(
            "fieldset",
            {},
            el("legend", {}, told.question.trim()),
            choices.map((words, at) =>
              el("label", { class: "beside" }, el("input", { type: "radio", name, value: at + 1 }), words),
            ),
          ),
        el("div", { class: "row" }, start),
      ),
    );
    return el("li", {}, item);
  }

  async function load() {
    const { lessons } = await get("/lessons");
    fill(list, lessons.map(lesson));
    loaded = true;
  }

  async function loadRuns() {
    const { runs: all } = await get("/runs");
    fill(
      runs,
      all.length === 0 && el("li", { class: "quiet" }, "None yet."),
      all.map((run) =>
        el(
          "li",
          {},
          el("a", { href: `#/run/${run.id}`, dataset: { run: run.id } }, `${run.id}: ${run.name ?? "scenario"}`),
          " ",
          el("span", { class: `tag ${TAGS[run.state] ?? ""}` }, run.state),
        ),
      ),
    );
  }

  const element = el(
    "div",
    { class: "stack" },
    el(
      "p",
      { class: "quiet" },
      "A lesson starts a network of its own, which is shown in the place of this one while it runs.",
    ),
    el(
      "div",
      { class: "row end" },
      el("label", { class: "grow" }, "On", engine),
      el("label", { class: "grow" }, "Seed", seed),
    ),
    list,
    el(
      "details",
      { class: "section", id: "own-scenario" },
      el("summary", {}, "A scenario of your own"),
      el(
        "div",
        { class: "stack tight inside" },
        el("label", {}, "A file", file),
        scenario,
        el(
          "div",
          { class: "row" },
          button(
            "Start the scenario",
            async () => {
              if (scenario.value.trim() === "") throw new Error("Paste a scenario, or open a file.");
              await begin({ scenario: scenario.value });
            },
            { class: "main", id: "scenario-start" },
          ),
        ),
      ),
    ),
    el("h3", {}, "Runs"),
    runs,
  );

  return {
    element,
    /** Is shown now. */
    async update() {
      try {
        if (!loaded) await load();
        await loadRuns();
      } catch (error) {
        if (!loaded) fill(list, el("li", { class: "quiet" }, error.message));
      }
    },
  };
}
