// The node's page begins here.

import { get } from "/web/base/api.js";
import { el } from "/web/base/dom.js";

const health = await get("/health");
document.body.append(el("main", { class: "card" }, el("h1", {}, "Node"), el("p", {}, `Height ${health.height}`)));
