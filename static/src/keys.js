// The keyboard map of ipaas/web/keyboard.py. Single keys never count while somebody types, and can be switched off.
import { showDialog } from "./dialogs.js";

const FOLLOWS_MS = 1500;
const SWITCH = "single-keys";

function typing(target) {
  return target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable=true]");
}

function singleKeys() {
  return localStorage.getItem(SWITCH) !== "off";
}

/** Focus on the main link of the next or the row before, so that Enter opens it and a screen reader says it. */
function step(by) {
  const links = [...document.querySelectorAll("main tbody tr")]
    .map((row) => row.querySelector("a[href]"))
    .filter((link) => link?.checkVisibility());
  if (!links.length) return;
  const at = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + by, 0), links.length - 1);
  links[next].focus();
  links[next].scrollIntoView({ block: "nearest" });
}

const DEEDS = {
  "/": () => document.getElementById("search-box")?.focus(),
  "?": () => showDialog(document.getElementById("keys")),
  j: () => step(1),
  k: () => step(-1),
  e: () => document.querySelector('main .page-actions a[href$="/edit/"]')?.click(),
};

export function startKeys(openPalette) {
  let after = "";
  let forget;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      if (!openPalette) return;
      event.preventDefault();
      openPalette();
      return;
    }
    if (event.key === "Escape" && event.target.id === "search-box") event.target.blur();
    const taken = event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing;
    if (taken || typing(event.target) || document.querySelector("dialog[open]") || !singleKeys()) return;
    const goes = after === "g" && document.querySelector(`#side-nav a[data-go="${CSS.escape(event.key)}"]`);
    const deed = after === "g" ? goes && (() => goes.click()) : DEEDS[event.key];
    clearTimeout(forget);
    after = event.key === "g" && after !== "g" ? "g" : "";
    forget = setTimeout(() => (after = ""), FOLLOWS_MS);
    if (!deed) return;
    event.preventDefault();
    deed();
  });
  const choice = document.querySelector("[data-single-keys]");
  if (!choice) return;
  choice.checked = singleKeys();
  choice.addEventListener("change", () => localStorage.setItem(SWITCH, choice.checked ? "on" : "off"));
}
