// An account's words: shown in a grid, and confirmed by asking for some of them.

import { el, fill } from "/web/base/dom.js";
import { form } from "../../parts.js";
import { chosen, isWord } from "../../logic/words.js";

const ASKED = 3;

/** Words in a grid, numbered. */
export const grid = (words) => el("ol", { class: "words", id: "words" }, words.map((word, at) => el("li", {}, el("span", { class: "quiet number" }, at + 1), el("strong", {}, word))));

/** Shows a new account's words in `box`, then asks for some; `done` is called when they are right. */
export function wordsOnce(box, { name, address, words, note }, done) {
  const show = () => {
    const next = el("button", { type: "button", class: "main", id: "words-written", on: { click: ask } }, "I have written them down");
    fill(box, el("h2", { tabindex: "-1" }, `The ${words.length} words of ${name}`), el("p", {}, `${note[0].toUpperCase()}${note.slice(1)}.`), grid(words),
      el("p", { class: "quiet" }, "On paper is best. They restore the account on any node, also when this machine is lost or the password forgotten. Its address is ", el("code", {}, address), "."),
      el("div", { class: "row" }, next));
    box.querySelector("h2").focus();
  };
  const ask = () => {
    const places = chosen(words.length, ASKED);
    const fields = places.map((place) => el("label", { for: `word-${place + 1}` }, `Word ${place + 1}`, el("input", { id: `word-${place + 1}`, class: "asked-word", autocomplete: "off", autocapitalize: "none", spellcheck: "false", dataset: { place: place + 1 } })));
    fill(box, el("h2", { tabindex: "-1" }, "Have you got them?"), el("p", {}, "Type these from your paper, so that you know that it can be read."),
      form("confirm-words", fields, "These are the words", async () => {
        const wrong = places.filter((place) => !isWord(document.getElementById(`word-${place + 1}`).value, words[place]));
        for (const place of places) document.getElementById(`word-${place + 1}`).setAttribute("aria-invalid", String(wrong.includes(place)));
        if (wrong.length > 0) throw new Error(`${wrong.length === 1 ? "Word" : "Words"} ${wrong.map((place) => place + 1).join(", ").replace(/, (\d+)$/, " and $1")} ${wrong.length === 1 ? "is another one" : "are others"}. Look at your paper, or at the words once more.`);
        done();
      }, { beside: [el("button", { type: "button", id: "words-again", on: { click: show } }, "Show the words once more")] }));
    box.querySelector("input").focus();
  };
  show();
}
