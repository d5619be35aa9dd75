// Line wrap of editors: one choice for all of them, kept in this browser; the button is [data-editor-wrap].
import { Compartment } from "@codemirror/state";
import { EditorView } from "@codemirror/view";

const CHOICE = "editor-wrap";
const wrap = new Compartment();
const views = new Set();

function chosen() {
  return localStorage.getItem(CHOICE) === "on";
}

/** The extension of an editor that follows the choice. */
export function lineWrap() {
  return wrap.of(chosen() ? EditorView.lineWrapping : []);
}

/** Has a mounted editor follow later changes of the choice, and its button show it. */
export function followWrap(view) {
  views.add(view);
  showChoice();
}

function showChoice() {
  document.querySelectorAll("[data-editor-wrap]").forEach((button) => button.setAttribute("aria-pressed", String(chosen())));
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-editor-wrap]")) return;
  localStorage.setItem(CHOICE, chosen() ? "off" : "on");
  showChoice();
  for (const view of views) {
    if (!view.dom.isConnected) views.delete(view);
    else view.dispatch({ effects: wrap.reconfigure(chosen() ? EditorView.lineWrapping : []) });
  }
});
