// An editor for one expression: completion, help at the pointer and with F1, marks for what is wrong.
import { autocompletion, closeBrackets, completionKeymap, completionStatus, insertBracket } from "@codemirror/autocomplete";
import { defaultKeymap, history, redo, redoDepth, undo, undoDepth } from "@codemirror/commands";
import { bracketMatching } from "@codemirror/language";
import { setDiagnostics } from "@codemirror/lint";
import { EditorView, hoverTooltip, keymap } from "@codemirror/view";

/** The word around a position and whether it is called. */
function wordAt(state, position) {
  const text = state.doc.toString();
  const left = /\w*$/.exec(text.slice(0, position))[0];
  const right = /^\w*/.exec(text.slice(position))[0];
  const from = position - left.length;
  const to = position + right.length;
  return { word: left + right, from, to, called: text[to] === "(" };
}

/** The word at the cursor, else the function whose arguments it stands in. */
function helpAtCursor(state, explain) {
  const head = state.selection.main.head;
  const here = wordAt(state, head);
  const found = here.word && explain(here.word, here.called);
  if (found) return found;
  const before = state.doc.sliceString(0, head);
  for (let at = before.length - 1, depth = 0; at >= 0; at -= 1) {
    if (before[at] === ")") depth += 1;
    if (before[at] !== "(") continue;
    if (depth > 0) depth -= 1;
    else return explain(wordAt(state, at).word, true);
  }
  return null;
}

function helpDom({ head, text }) {
  const dom = document.createElement("div");
  dom.className = "editor-help";
  dom.appendChild(document.createElement("code")).textContent = head;
  if (text) dom.appendChild(document.createElement("p")).textContent = text;
  return dom;
}

/** A call in place of a part of the text, the cursor among its arguments; a closing bracket that is typed goes over its own. */
export function insertCall(view, from, to, name, first) {
  view.dispatch({ changes: { from, to, insert: name }, selection: { anchor: from + name.length } });
  const bracket = insertBracket(view.state, "(");
  const at = from + name.length;
  view.dispatch(bracket ?? { changes: { from: at, insert: "()" }, selection: { anchor: at + 1 } });
  view.dispatch({ changes: { from: at + 1, insert: first }, selection: { anchor: at + 1 + first.length } });
}

export function expressionEditor(host, { text, label, complete, explain, onChange, onFocus, onEnter, onHelp, onUndo, nonce, extensions }) {
  const enter = (event) => {
    if (!completionStatus(view.state)) onEnter(event);
    return true; // a key that comes too soon for what is offered is no line break either
  };
  const back = (deed, depth, name) => () => {
    if (depth(view.state) > 0) deed(view);
    else onUndo(name);
    return true;
  };
  const view = new EditorView({
    doc: text,
    parent: host,
    extensions: [
      EditorView.cspNonce.of(nonce),
      keymap.of([
        ...completionKeymap,
        { key: "Enter", run: () => enter({}) },
        { key: "Shift-Enter", run: () => enter({ shiftKey: true }) },
        { key: "Mod-Enter", run: () => (onEnter({ ctrlKey: true }), true) },
        { key: "F1", run: () => (onHelp(helpAtCursor(view.state, explain), true), true), preventDefault: true },
        { key: "Mod-z", run: back(undo, undoDepth, "undo"), preventDefault: true },
        { key: "Mod-y", run: back(redo, redoDepth, "redo"), preventDefault: true },
        { key: "Mod-Shift-z", run: back(redo, redoDepth, "redo"), preventDefault: true },
        ...defaultKeymap.filter((one) => one.key !== "Enter" && one.key !== "Mod-Enter"),
      ]),
      EditorView.contentAttributes.of({ "aria-label": label }),
      EditorView.lineWrapping,
      history(),
      closeBrackets(),
      bracketMatching(),
      autocompletion({ override: [complete], activateOnTypingDelay: 60 }),
      hoverTooltip((_, position) => {
        const { word, from, to, called } = wordAt(view.state, position);
        const found = word && explain(word, called);
        return found ? { pos: from, end: to, above: true, create: () => ({ dom: helpDom(found) }) } : null;
      }),
      EditorView.updateListener.of((update) => {
        if (update.focusChanged && view.hasFocus) onFocus();
        if ((update.selectionSet || update.docChanged) && view.hasFocus) onHelp(helpAtCursor(view.state, explain), false);
        if (update.docChanged) onChange();
      }),
      ...extensions,
    ],
  });
  return {
    text: () => view.state.doc.toString(),
    focus: () => view.focus(),
    destroy: () => view.destroy(),
    /** At the cursor, in place of what is selected; `within` is where the cursor stands afterwards. */
    insert(inserted, within = 0) {
      const { from, to } = view.state.selection.main;
      view.dispatch({ changes: { from, to, insert: inserted }, selection: { anchor: from + (within || inserted.length) } });
      view.focus();
    },
    mark(findings) {
      const all = { from: 0, to: view.state.doc.length };
      view.dispatch(setDiagnostics(view.state, findings.map(({ message }) => ({ ...all, severity: "error", message }))));
    },
  };
}
