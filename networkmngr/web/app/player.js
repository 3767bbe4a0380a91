// A network at an earlier moment, and from there on as it went: asked for from the timeline, and played at some speed.

import { get } from "/web/base/api.js";
import { Network } from "../model/network.js";
import { Playback } from "../model/replay.js";
import { calm } from "./frames.js";
import { scene } from "./source.js";

const AT_ONCE = 2000;
const ENOUGH = 500;
const BLOCKS = 3000;

/** `onScene(scene)` when the moment was jumped to, `onChange(event)` for each entry played, `onEnd()` when there are no more. */
export class Player {
  constructor(base, { onScene, onChange, onEnd, onError }) {
    Object.assign(this, { base, onScene, onChange, onEnd, onError });
    this.scene = null;
    this.playback = null;
    this.speed = 1;
    this.playing = false;
    this.seeking = false;
    this.wanted = null;
    this.from = 0;
    this.fetching = false;
    this.over = false;
  }

  get at() {
    return this.playback?.at ?? null;
  }

  /** Shows the network as it was then. While one moment is asked for, only the last of those wanted meanwhile counts. */
  async seek(at) {
    this.wanted = at;
    if (this.seeking) return;
    this.seeking = true;
    try {
      while (this.wanted !== null) {
        const moment = this.wanted;
        this.wanted = null;
        const told = await get(`${this.base}/timeline/state?time=${Math.round(moment)}&blocks=${BLOCKS}`);
        this.scene = scene(Network.from(told));
        this.playback = new Playback(moment);
        this.from = this.scene.network.number + 1;
        this.over = false;
        this.onScene(this.scene);
      }
    } catch (error) {
      this.wanted = null;
      this.onError(error);
    } finally {
      this.seeking = false;
    }
  }

  play() {
    if (this.playing) return;
    this.playing = true;
    let last = performance.now();
    const step = (now) => {
      if (!this.playing) return;
      this.advance(Math.min(200, now - last) * this.speed);
      last = now;
      // Without animation it still goes on, in larger steps.
      if (calm()) setTimeout(() => step(performance.now()), 250);
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  pause() {
    this.playing = false;
  }

  advance(passed) {
    if (!this.playback) return;
    for (const { number, entry } of this.playback.advance(passed)) {
      this.scene.network.apply(number, entry);
      this.onChange(entry);
    }
    if (this.playback.left < ENOUGH && !this.fetching && !this.over) this.fetch();
    if (this.over && this.playback.left === 0) {
      this.playing = false;
      this.onEnd();
    }
  }

  async fetch() {
    this.fetching = true;
    const { playback } = this;
    try {
      const { entries, next } = await get(`${this.base}/timeline/entries?from=${this.from}&limit=${AT_ONCE}`);
      if (playback !== this.playback) return;
      playback.add(entries);
      this.from = next;
      this.over = entries.length === 0;
    } catch (error) {
      this.playing = false;
      this.onError(error);
    } finally {
      this.fetching = false;
    }
  }
}
