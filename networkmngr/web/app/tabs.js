// Tabs over panels, of which one is seen.

import { el } from "/web/base/dom.js";

/**
 * `contents` is name → panel, `labels` name → what its tab says; `onChoose(name)` is called when one is chosen.
 * `{ element, show(name) }`.
 */
export function tabList(contents, labels, onChoose) {
  const names = Object.keys(contents);
  const tabs = names.map((name) =>
    el(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${name}`,
        "aria-controls": `panel-${name}`,
        dataset: { panel: name },
        on: { click: () => onChoose(name) },
      },
      labels[name],
    ),
  );
  for (const name of names) {
    contents[name].id = contents[name].id || `panel-${name}`;
    contents[name].setAttribute("role", "tabpanel");
    contents[name].setAttribute("aria-labelledby", `tab-${name}`);
    contents[name].classList.add("panel");
  }
  tabs.forEach((tab, at) => tab.setAttribute("aria-controls", contents[names[at]].id));
  const element = el(
    "div",
    {
      class: "tabs",
      role: "tablist",
      "aria-label": "Panels",
      on: {
        keydown: (event) => {
          const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          const at = tabs.indexOf(document.activeElement);
          if (!step || at < 0) return;
          const next = tabs[(at + step + tabs.length) % tabs.length];
          next.focus();
          next.click();
        },
      },
    },
    tabs,
  );
  return {
    element,
    show(panel) {
      tabs.forEach((tab, at) => {
        const chosen = names[at] === panel;
        tab.setAttribute("aria-selected", String(chosen));
        tab.tabIndex = chosen ? 0 : -1;
        contents[names[at]].hidden = !chosen;
      });
    },
  };
}
