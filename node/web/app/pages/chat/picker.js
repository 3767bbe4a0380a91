// Looking people up: while a name or an address is typed, those who fit are offered with their pictures.

import { get } from "/web/base/api.js";
import { el, fill, text } from "/web/base/dom.js";
import { ends } from "/web/base/format.js";
import { called } from "../../logic/chat/words.js";
import { visible } from "../../logic/visible.js";
import { face } from "../../parts.js";

const OFFERED = 8;
/** Milliseconds after a key before the node is asked. */
const PAUSE = 150;

/**
 * A field for one person or several (`many`). `without()` gives addresses that are not offered. Gives `{ element, members(), clear() }`, where `members()` are
 * the addresses chosen, and what is typed besides, to be understood by the node.
 */
export function picker(id, label, { many = false, without = () => [] } = {}) {
  const box = el("input", { id, role: "combobox", "aria-expanded": "false", "aria-controls": `${id}-offers`, "aria-autocomplete": "list", "aria-describedby": `${id}-hint`, autocomplete: "off", autocapitalize: "none", spellcheck: "false" });
  const offers = el("ul", { class: "offers", id: `${id}-offers`, role: "listbox", "aria-label": "People found", hidden: true });
  const chosen = el("ul", { class: "chosen", "aria-label": "Chosen" });
  const hint = el("small", { class: "quiet", id: `${id}-hint`, "aria-live": "polite" });
  const picked = new Map();
  let found = [];
  let active = -1;
  let timer = null;
  let asked = 0;

  const drawChosen = () => fill(chosen, [...picked.values()].map((person) => el("li", { class: "tag person", dataset: { chosen: person.address } }, face(person.address, 18), el("span", { class: "cut" }, called(person.name, person.address)),
    el("button", { type: "button", class: "plain", "aria-label": `Without ${called(person.name, person.address)}`, on: { click: () => {
      picked.delete(person.address);
      drawChosen();
      box.focus();
    } } }, "✕"))));
  const close = () => {
    offers.hidden = true;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
    active = -1;
  };
  const choose = (person) => {
    if (!many) picked.clear();
    picked.set(person.address, person);
    box.value = "";
    text(hint, "");
    drawChosen();
    close();
  };
  const drawOffers = () => {
    fill(offers, found.map((person, at) => el("li", { id: `${id}-offer-${at}`, role: "option", "aria-selected": String(at === active), dataset: { person: person.address }, on: { mousedown: (event) => {
      event.preventDefault();
      choose(person);
      box.focus();
    } } }, face(person.address, 24), el("span", { class: "cut" }, called(person.name, person.address)), el("span", { class: "mono quiet" }, ends(person.address, 5)), person.key_changed ? el("span", { class: "tag bad" }, "changed key") : null)));
    offers.hidden = found.length === 0;
    box.setAttribute("aria-expanded", String(found.length > 0));
    if (active >= 0) box.setAttribute("aria-activedescendant", `${id}-offer-${active}`);
    else box.removeAttribute("aria-activedescendant");
  };
  const look = async () => {
    const typed = box.value.trim();
    const asking = (asked += 1);
    if (typed === "") {
      close();
      text(hint, "");
      return;
    }
    try {
      const people = await read(typed);
      if (asking !== asked) return;
      const left = new Set([...picked.keys(), ...without()]);
      found = people.filter((person) => !left.has(person.address));
      active = found.length > 0 ? 0 : -1;
      drawOffers();
      text(hint, found.length > 0 ? "" : people.length > 0 ? `${visible(typed)} is there already.` : `Nobody is known whose display name begins with “${visible(typed)}”. People are found once their name is confirmed.`);
    } catch (error) {
      if (asking === asked) {
        close();
        text(hint, error.message);
      }
    }
  };
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE);
  });
  box.addEventListener("blur", close);
  box.addEventListener("keydown", (event) => {
    if (["ArrowDown", "ArrowUp"].includes(event.key) && !offers.hidden) {
      event.preventDefault();
      active = (active + (event.key === "ArrowDown" ? 1 : found.length - 1)) % found.length;
      drawOffers();
    } else if (event.key === "Enter" && !offers.hidden && active >= 0) {
      event.preventDefault();
      choose(found[active]);
    } else if (event.key === "Escape" && !offers.hidden) {
      event.stopPropagation();
      close();
    } else if (event.key === "Backspace" && box.value === "" && picked.size > 0) {
      picked.delete([...picked.keys()].at(-1));
      drawChosen();
    }
  });
  return {
    element: el("div", { class: "picker" }, el("label", { for: id }, label), chosen, el("div", { class: "picker-field" }, box, offers), hint),
    members: () => [...picked.keys(), ...(box.value.trim() === "" ? [] : [box.value.trim()])],
    clear() {
      picked.clear();
      box.value = "";
      drawChosen();
      close();
    },
  };
}

/** People whose display name begins so, or the one with this address. */
async function read(typed) {
  if (/^nm1[a-z0-9]{20,}$/i.test(typed)) return [await get(`/chat/people/${encodeURIComponent(typed.toLowerCase())}`)];
  return (await get(`/chat/people?name=${encodeURIComponent(typed)}&limit=${OFFERED}`)).people;
}
