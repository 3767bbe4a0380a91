// Pointers and wheels on a surface that is panned and zoomed. A page stays scrollable over it: one finger pans sideways
// only, and a wheel without a key scrolls the page.

const STILL = 5;

/** Calls `pan(dx, dy)`, `zoom(factor, x)`, `hover(x, y)` (nulls when it leaves) and `tap(x, y)`. */
export function gestures(surface, { pan, zoom, hover, tap }) {
  const pointers = new Map();
  let moved = 0;

  surface.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    surface.setPointerCapture(event.pointerId);
    if (pointers.size === 1) moved = 0;
  });
  surface.addEventListener("pointermove", (event) => {
    const here = [event.offsetX, event.offsetY];
    const last = pointers.get(event.pointerId);
    if (!last) {
      hover(...here);
      return;
    }
    const apart = distance(pointers);
    pointers.set(event.pointerId, here);
    const [dx, dy] = [here[0] - last[0], here[1] - last[1]];
    moved += Math.abs(dx) + Math.abs(dy);
    if (pointers.size === 2) {
      const now = distance(pointers);
      if (apart > 0 && now > 0) zoom(now / apart, middle(pointers));
    } else if (moved > STILL) pan(dx, event.pointerType === "touch" ? 0 : dy);
  });
  const over = (event) => {
    const held = pointers.delete(event.pointerId);
    if (held && event.type === "pointerup" && moved <= STILL && pointers.size === 0) tap(event.offsetX, event.offsetY);
  };
  surface.addEventListener("pointerup", over);
  surface.addEventListener("pointercancel", over);
  surface.addEventListener("pointerleave", () => hover(null, null));
  surface.addEventListener(
    "wheel",
    (event) => {
      const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
      if (event.ctrlKey || event.metaKey) zoom(Math.exp(-event.deltaY / 300), event.offsetX);
      else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) pan(-sideways, 0);
      else return;
      event.preventDefault();
    },
    { passive: false },
  );
}

function distance(pointers) {
  const [one, other] = [...pointers.values()];
  return other ? Math.hypot(one[0] - other[0], one[1] - other[1]) : 0;
}

function middle(pointers) {
  const [one, other] = [...pointers.values()];
  return (one[0] + other[0]) / 2;
}
