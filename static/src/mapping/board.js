// The visual editor of a mapping, over the document that stands in the form's text.
import { el, icon, put, tell } from "./dom.js";
import { startPresence } from "./presence.js";
import { Preview } from "./preview.js";
import { say, setup } from "./setup.js";
import { SourceTree } from "./source.js";
import { Store } from "./store.js";
import { startSuggestions } from "./suggest.js";
import { TargetTree } from "./target.js";

const root = document.querySelector("[data-mapping]");
const find = (name) => root.querySelector(`[data-map="${name}"]`);
const area = document.querySelector("textarea[name=document]");
const sample = document.querySelector("textarea[name=sample]");
const store = new Store(area);

const hint = find("told").textContent;
const source = new SourceTree(find("source"), find("source-search"), store, {
  pick: (path) => (target.form?.insert(path) ? target.form.focusLast() : tell(find("told"), say("open_first"))),
  light: (path) => {
    const readers = path ? readersOf(path) : [];
    target.mark(readers);
    tell(find("told"), readers.length ? say("readers", { fields: readers.join(", ") }) : hint);
  },
});
const target = new TargetTree(find("target"), { search: find("target-search"), unmapped: find("unmapped"), counts: find("counts") }, store, {
  light: (path) => source.mark(path ? target.readsOf(target.rows.get(path)?.field) : []),
  source,
});
const preview = new Preview({ host: find("preview-table"), json: find("preview"), views: root.querySelectorAll("[data-map-view]"), differing: find("differing"), of: find("preview-of") }, store, {
  light: (path) => {
    const row = path ? target.rowOf(path) : null;
    target.mark(row ? [row.field.path] : []);
    source.mark(row ? target.readsOf(row.field) : []);
  },
  open: (path) => {
    side("target");
    target.goTo(path);
  },
});

/** The fields that read a place, or something inside of it. */
function readersOf(path) {
  const inside = (read) => read === path || read.startsWith(`${path}.`) || read.startsWith(`${path}[`);
  return store.data.target.filter((field) => target.readsOf(field).some((read) => inside(read.replaceAll(/\[\d+\]/g, "[]")))).map((field) => field.path);
}

// -- samples

const MOST_SAMPLES = 6;
let pasted = 0;

function drawSamples() {
  const host = find("samples");
  host.replaceChildren(...store.data.samples.map((one, at) => {
    const bad = one.problem || one.failed > 0;
    return el("button", { type: "button", class: "map-sample", "aria-pressed": String(at === store.chosen), "data-tone": bad ? "bad" : "ok", title: one.problem || null, onclick: () => store.choose(at) },
      icon(bad ? "failed" : "ok"), one.label, one.failed ? el("span", { class: "count" }, say("failed", { count: one.failed })) : null);
  }));
}

async function loadCaptured() {
  if (!setup.samples_url) return;
  const answer = await fetch(setup.samples_url, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  const found = (await answer.json()).samples;
  if (!found.length) return;
  store.samples = [...store.samples, ...found].slice(0, MOST_SAMPLES);
  store.send();
}

find("paste-add").addEventListener("click", () => {
  const text = find("paste-text").value.trim();
  try {
    JSON.parse(text);
  } catch (error) {
    tell(find("paste-told"), say("no_json", { why: error.message }));
    return;
  }
  pasted += 1;
  store.samples = [{ label: say("pasted", { number: pasted }), text }, ...store.samples].slice(0, MOST_SAMPLES);
  store.chosen = 0;
  find("paste-text").value = "";
  find("paste").open = false;
  store.send();
});

sample?.addEventListener("input", () => {
  const at = store.samples.findIndex((one) => one.own);
  if (at >= 0) store.samples[at] = { ...store.samples[at], text: sample.value };
  store.soon();
});

// -- tabs

const panels = { fields: root, text: document.getElementById("text-panel") };
const tabs = Object.fromEntries(Object.keys(panels).map((name) => [name, document.querySelector(`[data-map-tab=${name}]`)]));

function show(name) {
  for (const [key, tab] of Object.entries(tabs)) {
    put(tab, "aria-selected", String(key === name));
    tab.tabIndex = key === name ? 0 : -1;
    panels[key].hidden = key !== name;
  }
  sessionStorage.setItem("mapping-tab", name);
  if (name === "text") area.dispatchEvent(new Event("input", { bubbles: true }));
  else store.send();
}
for (const [name, tab] of Object.entries(tabs)) {
  tab.addEventListener("click", () => show(name));
  tab.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    const other = name === "fields" ? "text" : "fields";
    show(other);
    tabs[other].focus();
  });
}
// What is wrong with the text is asked for while the text is shown.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (panels.text.hidden && panels.text.contains(event.target)) event.preventDefault();
});

// -- small widths: one tree at a time
function side(name) {
  root.dataset.side = name;
  root.querySelectorAll("[data-map-side]").forEach((one) => put(one, "aria-pressed", String(one.dataset.mapSide === name)));
}
for (const button of root.querySelectorAll("[data-map-side]")) button.addEventListener("click", () => side(button.dataset.mapSide));

// -- deeds

for (const deed of ["undo", "redo"]) find(deed).addEventListener("click", () => store.history(deed));
find("add").addEventListener("submit", add);
find("add-button").addEventListener("click", add);
find("add-name").addEventListener("keydown", (event) => {
  if (event.key === "Enter") add(event);
});

/** A field of its own: `address.city`, or `lines[].sku` for one of each element. */
function add(event) {
  event.preventDefault();
  const input = find("add-name");
  const steps = input.value.trim().replaceAll("[]", ".[]").split(".").filter(Boolean);
  if (!steps.length) return input.focus();
  input.value = "";
  adding = steps.join(".").replaceAll(".[]", "[]");
  store.edit({ deed: "fill", path: steps, value: "null", each: "source" });
}
let adding = null;

root.addEventListener("keydown", (event) => {
  const mod = event.ctrlKey || event.metaKey;
  if (event.target.closest(".cm-editor, input[type=search], textarea")) return;
  if (mod && event.key.toLowerCase() === "z" && !event.target.matches("input")) {
    event.preventDefault();
    store.history(event.shiftKey ? "redo" : "undo");
  } else if (mod && event.key.toLowerCase() === "y" && !event.target.matches("input")) {
    event.preventDefault();
    store.history("redo");
  }
});
document.addEventListener("keydown", (event) => {
  if (!event.altKey || event.ctrlKey || event.metaKey || root.hidden) return;
  const deed = { 1: () => find("source-search").focus(), 2: () => find("target-search").focus(), n: () => target.nextUnmapped() }[event.key];
  if (!deed) return;
  event.preventDefault();
  deed();
});

// -- answers

store.addEventListener("data", () => {
  put(find("broken"), "hidden", true);
  source.draw();
  target.draw();
  drawSamples();
  preview.draw();
  const { findings } = store.data;
  find("findings").replaceChildren(...findings.map((one) => el("li", { "data-tone": one.severity === "error" ? "bad" : "wait" }, icon(one.severity === "error" ? "failed" : "warning"), el("span", {}, one.message))));
  if (adding) {
    const row = target.rows.get(adding);
    adding = null;
    target.openRow(row);
  }
  root.dataset.ready = "yes";
});
store.addEventListener("problem", ({ detail }) => {
  const told = find("broken");
  put(told, "hidden", false);
  tell(find("broken-text"), detail.line ? `${say("line", { line: detail.line })}: ${detail.text}` : detail.text);
});
// The tests are asked for when the fields stand there, so that neither waits for the other.
for (const event of ["data", "problem"]) store.addEventListener(event, () => setTimeout(() => document.dispatchEvent(new Event("mapping-answered"))), { once: true });
for (const event of ["waiting", "rest"]) store.addEventListener(event, () => put(root, "data-waiting", store.busy));

// A form that is sent while an edit is under way waits for it.
area.form.addEventListener("submit", (event) => {
  target.form?.leaveTyping();
  if (!store.busy) return;
  event.preventDefault();
  const { submitter } = event;
  store.addEventListener("rest", () => area.form.requestSubmit(submitter), { once: true });
  store.send();
}, true);
window.addEventListener("beforeunload", (event) => {
  if (store.busy) event.preventDefault();
});

// A test of the sample is one of the sample that is chosen above; what a run gave is read anew from the run.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[name=of_sample]");
  const chosen = store.samples[store.chosen];
  if (!button || root.hidden || !chosen || chosen.own) return;
  button.name = chosen.use ? "from_run" : "of_sample";
  button.value = chosen.use ?? chosen.text;
}, true);

startSuggestions(store, target, { button: find("suggest"), host: find("suggestions") });
startPresence(find("presence"));
show(location.hash === "#text" ? "text" : (sessionStorage.getItem("mapping-tab") ?? "fields"));
if (root.hidden) store.send();
loadCaptured();
