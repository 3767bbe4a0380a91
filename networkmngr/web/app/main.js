// The network's page begins here.

import { get } from "/web/base/api.js";
import { el } from "/web/base/dom.js";

const status = await get("/status");
document.body.append(el("main", { class: "card" }, el("h1", {}, "Network"), el("p", {}, `${status.nodes.running} nodes run`)));
