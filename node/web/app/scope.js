// What lives as long as a page is shown: its subscriptions, and regions that are read again when something happened.

import { el } from "/web/base/dom.js";
import { hear } from "./live.js";
import { redraw } from "./redraw.js";

/** Milliseconds after news before a region is read again, so that a burst of them is one reading. */
const PAUSE = 200;
/** Statuses that say that nobody is there to answer: none at all, and what stands in for a node that is not running. */
const AWAY = new Set([0, 503]);

/** Ends everything that a page began when it is left. */
export class Scope {
  #ends = [];
  closed = false;

  /** Hears news until the page is left. */
  hear(hearer) {
    this.#ends.push(hear(hearer));
  }

  /** Calls `end` when the page is left. */
  finally(end) {
    this.#ends.push(end);
  }

  close() {
    this.closed = true;
    this.#ends.forEach((end) => end());
    this.#ends = [];
  }

  /**
   * An element that shows what `load` gives, in the way of `show(data)` (children). It is read again when `wants(news)`, and
   * drawn again only if the answer is another; confirmations count for nothing there, since tags tell them. What is focused
   * stays so. `again()` of the result reads at once; `failed(error)` may give other children for an error, and
   * `loading` stands above the word that says so.
   */
  region({ load, show, wants = () => false, failed, loading, ...properties }) {
    const element = el("div", { class: "region", "aria-busy": "true", ...properties }, loading, el("p", { class: "quiet loading" }, "Loading…"));
    let last = null;
    let reading = false;
    let again = false;
    let timer = null;
    const read = async () => {
      if (this.closed) return;
      if (reading) {
        again = true;
        return;
      }
      reading = true;
      try {
        const data = await load();
        if (this.closed) return;
        const now = JSON.stringify(data, (name, value) => (name === "confirmations" ? undefined : value));
        if (now !== last) {
          last = now;
          redraw(element, show(data));
        }
      } catch (error) {
        const other = failed?.(error);
        // A node that does not answer takes nothing away from what stands there.
        if (!this.closed && (other || last === null || !AWAY.has(error.status))) {
          last = null;
          redraw(element, other ?? el("p", { class: "bad-text", role: "alert" }, error.message));
        }
      } finally {
        reading = false;
        element.removeAttribute("aria-busy");
      }
      if (again) {
        again = false;
        await read();
      }
    };
    this.hear((news) => {
      if (news.kind !== "refresh" && !wants(news)) return;
      timer ??= setTimeout(() => {
        timer = null;
        read();
      }, PAUSE);
    });
    this.finally(() => clearTimeout(timer));
    read();
    element.again = read;
    return element;
  }
}
