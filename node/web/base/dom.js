// Building what is seen. Text that comes from anywhere goes in as text; nothing here or elsewhere parses markup.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "path", "circle", "rect", "line", "polyline", "polygon", "text", "title", "defs", "clipPath"]);

/**
 * An element. `properties`: `class`, `dataset`, `on` (`{ click: handler }`) and attributes; `true` sets an attribute
 * without value, `false`, `null` and `undefined` leave it out. Children are nodes, text, numbers, or lists of them.
 */
export function el(tag, properties = {}, ...children) {
  const made = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "class") made.setAttribute("class", value);
    else if (name === "dataset") Object.assign(made.dataset, value);
    else if (name === "on") for (const [event, handler] of Object.entries(value)) made.addEventListener(event, handler);
    else if (name === "value" && "value" in made) made.value = value;
    else if (name === "style") Object.assign(made.style, value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  append(made, children);
  return made;
}

function append(parent, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(parent, child);
    else if (child === null || child === undefined || child === false) continue;
    else parent.append(child instanceof Node ? child : String(child));
  }
}

/** Puts these children in the place of those that `parent` has. */
export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
  return parent;
}

/** Changes an element's text, if it is another. */
export function text(element, words) {
  const wanted = String(words);
  if (element.textContent !== wanted) element.textContent = wanted;
}

/** A button that shows that it is at work, and tells what goes wrong, until `act` has ended. */
export function button(label, act, properties = {}) {
  const made = el("button", { type: "button", ...properties }, label);
  made.addEventListener("click", async (event) => {
    // What is disabled loses the focus; whoever goes by keys gets it back.
    const focused = document.activeElement === made;
    made.setAttribute("aria-busy", "true");
    made.disabled = true;
    try {
      await act(event);
    } catch (error) {
      notice(error.message, "bad");
    } finally {
      made.removeAttribute("aria-busy");
      made.disabled = false;
      if (focused && made.isConnected && document.activeElement === document.body) made.focus();
    }
  });
  return made;
}

/** A sentence in the corner. What went wrong stays until it is closed. */
export function notice(words, kind = "good") {
  let place = document.querySelector(".notices");
  if (!place) {
    place = el("div", { class: "notices", role: "status", "aria-live": "polite" });
    document.body.append(place);
  }
  const made = el("div", { class: `notice ${kind}`, role: kind === "bad" ? "alert" : null }, el("span", {}, words));
  made.append(el("button", { type: "button", class: "plain", "aria-label": "Close", on: { click: () => made.remove() } }, "✕"));
  place.append(made);
  while (place.children.length > 4) place.firstChild.remove();
  if (kind !== "bad") setTimeout(() => made.remove(), 6000);
}

/**
 * A dialog with this content; resolves when it closes with the value of the button that closed it, or "" for Escape.
 * `build` is given the dialog, to close it by itself.
 */
export function dialog(title, build) {
  return new Promise((resolve) => {
    const heading = el("h2", { id: "dialog-title" }, title);
    const shown = el("dialog", { "aria-labelledby": "dialog-title" });
    shown.append(el("div", { class: "stack" }, heading, build(shown)));
    shown.addEventListener("close", () => {
      shown.remove();
      resolve(shown.returnValue);
    });
    document.body.append(shown);
    shown.showModal();
  });
}

/** Asks before something that cannot be taken back. True if it was confirmed. */
export async function confirmed(title, words, action) {
  const answer = await dialog(title, (shown) => [
    el("p", {}, words),
    el("div", { class: "row" },
      el("button", { type: "button", class: "main", on: { click: () => shown.close("yes") } }, action),
      el("button", { type: "button", autofocus: true, on: { click: () => shown.close("") } }, "Cancel")),
  ]);
  return answer === "yes";
}

/** A switch between the system's colours, light and dark, remembered by the browser. */
export function themeSwitch() {
  const names = { "": "Colours: system", light: "Colours: light", dark: "Colours: dark" };
  const order = ["", "light", "dark"];
  const made = el("button", { type: "button", class: "plain theme-switch" });
  const show = (theme) => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    made.textContent = { "": "◐", light: "☀", dark: "☾" }[theme];
    made.title = names[theme];
    made.setAttribute("aria-label", names[theme]);
  };
  let theme = kept("theme") ?? "";
  show(theme);
  made.addEventListener("click", () => {
    theme = order[(order.indexOf(theme) + 1) % order.length];
    keep("theme", theme);
    show(theme);
  });
  return made;
}

/** What the browser has kept for this page under `name`; null if nothing, or if it keeps nothing at all. */
export function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Has the browser keep a setting, if it does so. */
export function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // A browser that keeps nothing forgets a setting; nothing depends on it.
  }
}

/** Has the browser forget it. */
export function forget(name) {
  try {
    localStorage.removeItem(name);
  } catch {
    // It has kept nothing.
  }
}
