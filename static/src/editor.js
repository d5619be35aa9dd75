// CodeMirror over <textarea data-editor="yaml|json">; the textarea stays the form's field.
import { autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab, isolateHistory, redo, undo } from "@codemirror/commands";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, linter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { MergeView } from "@codemirror/merge";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { mountAutosave } from "./autosave.js";
import { expressionEditor, insertCall } from "./expression.js";
import { completeWith, explainWith } from "./guide.js";
import { phrases } from "./words.js";
import { followWrap, lineWrap } from "./wrap.js";

const nonce = document.querySelector("script[nonce]")?.nonce ?? "";
const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--code-key)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--code-literal)" },
  { tag: tags.comment, color: "var(--text-muted)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.meta], color: "var(--text-muted)" },
]);
const languages = { json: () => [json(), linter(jsonParseLinter())], yaml: () => [yaml()], text: () => [] };

function baseExtensions(language, label, readOnly) {
  return [
    EditorView.cspNonce.of(nonce),
    EditorState.phrases.of(phrases()),
    lineWrap(),
    EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
    EditorState.readOnly.of(readOnly),
    lineNumbers(),
    foldGutter(),
    history(),
    drawSelection(),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    highlightSelectionMatches(),
    syntaxHighlighting(colours),
    EditorState.tabSize.of(2),
    keymap.of([...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap]),
    ...(languages[language] ?? languages.text)(),
  ];
}

/** Findings of the server: [{line, column, severity, message}], 1-based. */
function toDiagnostics(state, findings) {
  return findings.map(({ line = 1, column = 1, severity = "error", message }) => {
    const at = state.doc.line(Math.min(Math.max(line, 1), state.doc.lines));
    const from = Math.min(at.from + Math.max(column, 1) - 1, at.to);
    return { from, to: Math.max(at.to, from), severity, message };
  });
}

function readJson(id, otherwise) {
  const node = id && document.getElementById(id);
  return node ? JSON.parse(node.textContent) : otherwise;
}

function mountEditor(area) {
  if (area.dataset.mounted) return;
  area.dataset.mounted = "yes";
  const guide = readJson(area.dataset.guide, null);
  const readOnly = area.readOnly || area.disabled;
  const view = new EditorView({
    doc: area.value,
    extensions: [
      ...baseExtensions(area.dataset.editor, area.getAttribute("aria-label") ?? area.name, readOnly),
      lintGutter(),
      ...(guide ? [autocompletion({ override: [completeWith(guide)] }), explainWith(guide)] : [autocompletion()]),
      // Tab leaves the editor (keyboard users are never trapped) until Escape-free editing is asked for.
      ...(area.dataset.tab === "indent" ? [keymap.of([indentWithTab])] : []),
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        unsaved.add(area);
        area.value = update.state.doc.toString();
        area.dispatchEvent(new Event("input", { bubbles: true }));
      }),
    ],
  });
  area.after(view.dom);
  followWrap(view);
  area.classList.add("editor-source");
  area.tabIndex = -1;
  area.setAttribute("aria-hidden", "true");
  if (!readOnly && guide) mountAutosave(area, () => unsaved.delete(area));
  const findings = readJson(area.dataset.findings, []);
  if (findings.length) view.dispatch(setDiagnostics(view.state, toDiagnostics(view.state, findings)));
  area.addEventListener("findings", (event) => {
    view.dispatch(setDiagnostics(view.state, toDiagnostics(view.state, event.detail)));
  });
  area.addEventListener("replace", (event) => view.dispatch(partlyChanged(view.state.doc.toString(), event.detail)));
  area.addEventListener("undo", () => undo(view));
  area.addEventListener("redo", () => redo(view));
  area.addEventListener("goto", (event) => {
    const line = view.state.doc.line(Math.min(event.detail.line, view.state.doc.lines));
    view.dispatch({ selection: { anchor: line.from }, scrollIntoView: true });
    view.focus();
  });
}

/** A change of the one part in which two texts differ, as a step of its own in the history. */
function partlyChanged(before, after) {
  const most = Math.min(before.length, after.length);
  let from = 0;
  while (from < most && before[from] === after[from]) from += 1;
  let tail = 0;
  while (tail < most - from && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  const changes = { from, to: before.length - tail, insert: after.slice(from, after.length - tail) };
  return { changes, annotations: isolateHistory.of("full") };
}

// Leaving with text that nobody saved asks first; editors of samples ([data-scratch]) are nobody's loss.
const unsaved = new Set();
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  for (const area of unsaved) if (area.form === event.target) unsaved.delete(area);
});
window.addEventListener("beforeunload", (event) => {
  if ([...unsaved].some((area) => area.isConnected && !("scratch" in area.dataset))) event.preventDefault();
});

/** Findings of a fragment that the server sent anew: [data-findings-of] names the editor, its items their places. */
function showFindings(node) {
  const lists = [...(node.querySelectorAll?.("[data-findings-of]") ?? [])];
  if (node.matches?.("[data-findings-of]")) lists.push(node);
  for (const list of lists) {
    const found = [...list.querySelectorAll("li[data-line]")].map(({ dataset }) => ({
      line: Number(dataset.line),
      column: Number(dataset.column),
      severity: dataset.severity,
      message: dataset.message,
    }));
    document.getElementById(list.dataset.findingsOf)?.dispatchEvent(new CustomEvent("findings", { detail: found }));
  }
}
document.addEventListener("htmx:load", (event) => showFindings(event.target));

function mountMerge(host) {
  if (host.dataset.mounted) return;
  host.dataset.mounted = "yes";
  const [before, after] = [...host.querySelectorAll("pre")].map((item) => item.textContent);
  const side = (doc, label) => ({ doc, extensions: baseExtensions(host.dataset.merge, label, true) });
  const view = new MergeView({
    a: side(before, host.dataset.beforeLabel),
    b: side(after, host.dataset.afterLabel),
    collapseUnchanged: { margin: 3, minSize: 6 },
  });
  host.replaceChildren(view.dom);
  followWrap(view.a);
  followWrap(view.b);
}

/** One expression on a line of its own, see expression.js. */
export function mountExpression(host, options) {
  return expressionEditor(host, { ...options, nonce, extensions: [syntaxHighlighting(colours), EditorState.phrases.of(phrases())] });
}

export { insertCall };

export function mountEditors(node) {
  node.querySelectorAll("textarea[data-editor]").forEach(mountEditor);
  node.querySelectorAll("[data-merge]").forEach(mountMerge);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-goto-line]");
  const area = link && document.getElementById(link.dataset.gotoEditor);
  if (!area) return;
  event.preventDefault();
  area.dispatchEvent(new CustomEvent("goto", { detail: { line: Number(link.dataset.gotoLine) } }));
});
