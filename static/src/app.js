// Behaviour shared by all pages. Everything important also works without it, by href and action.
import Alpine from "@alpinejs/csp";
import { startDialogs } from "./dialogs.js";
import { startLiveFragments } from "./live.js";
import { startRelativeTimes } from "./times.js";
import { registerComponents } from "./components.js";
import { startKeys } from "./keys.js";
import { startPalette } from "./palette.js";
import { startRequests } from "./requests.js";

const assets = document.querySelector("meta[name=assets]")?.dataset ?? {};

/** Loads the editor and the charts only where a page (or a swapped-in fragment) has one. */
async function loadOnDemand(node) {
  if (node.querySelector?.("[data-editor], [data-merge]")) {
    const { mountEditors } = await import(assets.editorSrc);
    mountEditors(node);
  }
  if (node.querySelector?.("[data-mapping]")) await import(assets.mappingSrc);
  if (node.querySelector?.("[data-chart]")) {
    const { mountCharts } = await import(assets.chartSrc);
    mountCharts(node);
  }
}

startDialogs();
startLiveFragments();
startRelativeTimes();
startRequests();
startKeys(startPalette());
registerComponents(Alpine);
Alpine.start();
loadOnDemand(document);
document.addEventListener("htmx:load", (event) => {
  if (event.target !== document.body) loadOnDemand(event.target);
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});
