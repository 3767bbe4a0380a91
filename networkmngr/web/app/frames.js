// Work put together: however often something changes, it is drawn once in a frame, or once in a while.

/** A function that has `draw(time)` called in the next frame, once however often it is called before. */
export function eachFrame(draw) {
  let wanted = false;
  return () => {
    if (wanted) return;
    wanted = true;
    requestAnimationFrame((time) => {
      wanted = false;
      draw(time);
    });
  };
}

/** A function that calls `act` soon, but not again within `pause` milliseconds. */
export function atMost(pause, act) {
  let timer = null;
  let last = -Infinity;
  return () => {
    if (timer !== null) return;
    const wait = Math.max(0, last + pause - performance.now());
    timer = setTimeout(() => {
      timer = null;
      last = performance.now();
      act();
    }, wait);
  };
}

const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Whether nothing is to move. */
export const calm = () => still.matches;
