// What the theme says, for what is drawn on a canvas.

/** What the theme says, for what is drawn on a canvas. */
export function themeColours() {
  const styles = getComputedStyle(document.documentElement);
  const names = ["paper", "card", "sunken", "ink", "quiet", "line", "accent", "good", "warn", "bad"];
  return Object.fromEntries(names.map((name) => [name, styles.getPropertyValue(`--${name}`).trim()]));
}

/** Calls `act` when the theme becomes another. */
export function onTheme(act) {
  new MutationObserver(act).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", act);
}
