// A button whose trouble is told beside it, in the server's words.

import { el } from "/web/base/dom.js";

/** A button that shows that it is at work, with a line below for what goes wrong. */
export function deed(label, act, properties = {}) {
  const wrong = el("p", { class: "bad-text small", role: "alert" });
  const made = el("button", { type: "button", ...properties }, label);
  made.addEventListener("click", async () => {
    made.disabled = true;
    made.setAttribute("aria-busy", "true");
    wrong.textContent = "";
    try {
      await act();
    } catch (error) {
      wrong.textContent = error.message;
    } finally {
      made.disabled = false;
      made.removeAttribute("aria-busy");
    }
  });
  return el("span", { class: "act" }, made, wrong);
}
