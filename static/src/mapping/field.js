// The form of one field: how it is made, what an absent or a null value means, and what comes out of every sample.
import { debounced, el, icon, put, tell } from "./dom.js";
import { callOf, completions, declare, helpAt, library } from "./help.js";
import { readLookup, writeLookup } from "./lookup.js";
import { guide, say, setup } from "./setup.js";
import { expressionOf } from "./store.js";

const KINDS = ["expression", "lookup", "constant", "list", "choose", "object"];
const { insertCall, mountExpression } = await import(document.querySelector("meta[name=assets]").dataset.editorSrc);
let numbered = 0;

export class FieldForm {
  constructor(tree, field) {
    Object.assign(this, { tree, store: tree.store, field });
    this.editors = [];
    this.later = debounced(160, () => this.send({ quick: true }));
    this.controls = el("div", { class: "map-controls" });
    this.faults = el("ul", { class: "map-faults", "aria-live": "polite" });
    this.term = el("p", { class: "map-term small muted" });
    this.help = el("p", { class: "map-help small", role: "status" });
    this.results = el("ul", { class: "map-results", "aria-label": say("results") });
    this.reads = el("div", { class: "map-reads" });
    this.node = el("div", { class: "map-form", role: "group", "aria-label": say("field", { name: field.path }) },
      field.doc ? el("p", { class: "small muted" }, field.doc) : null, this.term,
      this.controls, this.faults, this.help, this.results, this.reads, this.deeds());
    this.node.addEventListener("keydown", (event) => this.key(event));
    this.build();
    this.update(field);
  }

  // -- drawing

  build() {
    this.editors.forEach((one) => one.destroy());
    this.editors = [];
    this.inputs = {};
    const { field } = this;
    this.kind = this.isLookup(field) ? "lookup" : KINDS.includes(field.kind) ? field.kind : this.fitting(field);
    this.shown = JSON.stringify([field.kind, field.form ?? null]);
    const kinds = el("select", { class: "form-select", onchange: (event) => this.change(event.target.value) },
      KINDS.filter((kind) => kind !== "lookup" || this.kind === kind || this.lookups.length).map((kind) => el("option", { value: kind, selected: kind === this.kind }, say(`kind_${kind}`))));
    this.controls.replaceChildren(this.labelled(say("made_by"), kinds, "map-kind"), ...this[this.kind]());
    put(this.controls, "data-kind", this.kind);
  }

  /** What an unmapped field most likely becomes. */
  fitting(field) {
    const holds = this.tree.holders.has(field.path);
    return holds && field.type === "array" ? "list" : holds && field.type === "object" ? "object" : "expression";
  }

  get lookups() {
    return library(this.store).filter((one) => one.kind === "lookup");
  }

  /** A field that is one look-up shows its parts, unless somebody wants to see the expression. */
  isLookup(field) {
    return field.kind === "expression" && typeof field.form === "string" && !this.tree.written.has(field.path) && Boolean(readLookup(field.form));
  }

  lookup() {
    const form = (typeof this.field.form === "string" && readLookup(this.field.form)) || { name: "", key: "", otherwise: "", column: "" };
    const { lookups } = this;
    const chosen = lookups.find((one) => one.name === form.name) ?? lookups[0] ?? { name: form.name, columns: [], told: "" };
    const options = lookups.map((one) => [one.name, `${one.name} (${one.reference})`]);
    if (form.name && !lookups.includes(chosen)) options.unshift([form.name, form.name]);
    const columns = [...new Set([...(chosen.columns ?? []), form.column].filter(Boolean))];
    return [
      this.select("name", say("lookup_name"), options, form.name || chosen.name),
      columns.length ? this.select("column", say("lookup_column"), [["", say("lookup_row")], ...columns.map((one) => [one, one])], form.column) : null,
      this.editor("key", say("lookup_key", { keys: (chosen.keys ?? []).join(", ") }), form.key),
      this.editor("otherwise", say("lookup_otherwise"), form.otherwise),
      el("p", { class: "map-wide small muted" }, [chosen.told, chosen.doc].filter(Boolean).join(". ")),
    ].filter(Boolean);
  }

  expression() {
    const { form = "" } = this.field.kind === "expression" ? this.field : {};
    const own = typeof form === "string" ? { expr: form } : form;
    const missing = own.on_missing ?? ("default" in own ? "default" : "error");
    const nulls = own.on_null ?? (missing === "default" ? "default" : "keep");
    return [
      this.editor("expr", say("expression"), own.expr ?? ""),
      this.choice("on_missing", say("on_missing"), ["error", "omit", "null", "default"], missing),
      this.choice("on_null", say("on_null"), ["keep", "error", "omit", "default"], nulls),
      this.json("default", say("default"), own.default ?? "", missing !== "default" && nulls !== "default"),
    ];
  }

  constant() {
    const value = this.field.kind === "constant" ? this.field.form.value : "";
    return [this.json("value", say("value"), value)];
  }

  list() {
    const form = this.field.kind === "list" ? this.field.form : { each: "", as: "item" };
    const sort = form.sort === undefined ? "" : typeof form.sort === "string" ? form.sort : JSON.stringify(form.sort);
    return [
      this.editor("each", say("each_of"), form.each ?? ""),
      this.text("as", say("as"), form.as ?? "item"),
      this.editor("where", say("only_where"), form.where ?? ""),
      this.editor("sort", say("sorted_by"), sort),
    ];
  }

  choose() {
    const form = this.field.kind === "choose" ? this.field.form : { choose: [{ when: "", then: "" }], otherwise: "" };
    this.cases = form.choose.length;
    return [
      ...form.choose.flatMap((one, at) => [
        this.editor(`when${at}`, say("when", { number: at + 1 }), one.when ?? ""),
        this.editor(`then${at}`, say("then", { number: at + 1 }), written(one.then)),
      ]),
      this.editor("otherwise", say("otherwise"), "otherwise" in form ? written(form.otherwise) : ""),
      el("button", { type: "button", class: "btn btn-small", onclick: () => this.addCase() }, icon("plus"), say("add_case")),
    ];
  }

  object() {
    return [el("p", { class: "small muted map-wide" }, say("object_help"))];
  }

  labelled(label, control, kind = "") {
    numbered += 1;
    control.id = `map-control-${numbered}`;
    return el("div", { class: `map-field ${kind}` }, el("label", { for: control.id }, label), control);
  }

  choice(name, label, words, chosen) {
    const node = el("select", { class: "form-select", onchange: () => this.changed(true) },
      words.map((word) => el("option", { value: word, selected: word === chosen }, say(`${name}_${word}`))));
    this.inputs[name] = { get: () => node.value };
    return this.labelled(label, node);
  }

  select(name, label, options, chosen) {
    const node = el("select", { class: "form-select", onchange: () => this.changed(true) },
      options.map(([value, shown]) => el("option", { value, selected: value === chosen }, shown)));
    this.inputs[name] = { get: () => node.value };
    return this.labelled(label, node);
  }

  text(name, label, value) {
    const node = el("input", { class: "form-control", value, oninput: () => this.changed(), spellcheck: "false" });
    this.inputs[name] = { get: () => node.value.trim() };
    return this.labelled(label, node);
  }

  json(name, label, value, hidden = false) {
    const node = el("input", { class: "form-control mono", value: JSON.stringify(value), oninput: () => this.changed(), spellcheck: "false" });
    this.inputs[name] = { get: () => read(node.value) };
    const field = this.labelled(label, node);
    put(field, "hidden", hidden);
    this.inputs[name].node = field;
    return field;
  }

  editor(name, label, text) {
    const host = el("div", { class: "map-expression" });
    const editor = mountExpression(host, {
      text,
      label: `${label}, ${this.field.path}`,
      complete: completions(this.store, () => this.field, insertCall),
      explain: (word, called) => helpAt(this.store, word, called),
      onChange: () => this.changed(),
      onFocus: () => (this.focused = editor),
      onEnter: (event) => this.next(event),
      onHelp: (found, asked) => tell(this.help, found ? [found.head, found.text].filter(Boolean).join(" – ") : asked ? say("no_help") : ""),
      onUndo: (deed) => this.store.history(deed),
    });
    this.editors.push(editor);
    this.inputs[name] = { get: () => editor.text().trim(), editor };
    return el("div", { class: "map-field map-wide" }, el("span", { class: "map-label" }, label), host);
  }

  deeds() {
    const button = (name, symbol, deed) => el("button", { type: "button", class: "btn btn-small btn-quiet", onclick: deed }, icon(symbol), say(name));
    this.buttons = el("div", { class: "map-deeds row-gap" });
    this.insertion = el("select", { class: "form-select", "aria-label": say("insert"), onchange: (event) => this.fragment(event.target) },
      el("option", { value: "" }, say("insert")),
      ...[["lookup", say("lookups_own")], ["function", say("functions_own")]].map(([kind, label]) => [kind, label, (setup.library ?? []).filter((one) => one.kind === kind)])
        .filter(([, , found]) => found.length).map(([kind, label, found]) => el("optgroup", { label }, found.map((one) => el("option", { value: `${kind} ${one.reference}` }, `${one.reference}  ${one.told}`)))),
      el("optgroup", { label: say("functions") }, guide.functions.map((one) => el("option", { value: `${one.label}()` }, one.detail))));
    this.removal = button("remove", "trash", () => this.tree.remove(this.field.path));
    this.renaming = button("rename", "edit", () => this.rename());
    this.raising = button("up", "chevron-up", () => this.move(-1));
    this.lowering = button("down", "chevron-down", () => this.move(1));
    this.buttons.append(this.insertion, this.removal, this.renaming, this.raising, this.lowering, button("close", "check", () => this.tree.close({ focus: true })));
    return this.buttons;
  }

  /** What the server found, after an answer; the controls stay while somebody types in them. */
  update(field) {
    const before = this.shown;
    this.field = field;
    if (JSON.stringify([field.kind, field.form ?? null]) !== before && !this.store.busy && before !== undefined && !this.typing) {
      const inside = this.controls.contains(document.activeElement);
      this.build();
      if (inside) this.focus();
    }
    const found = field.findings ?? [];
    this.faults.replaceChildren(...found.map((one) => el("li", { "data-tone": one.severity === "error" ? "bad" : "wait" }, icon(one.severity === "error" ? "failed" : "warning"), el("span", {}, one.message),
      one.fix ? el("button", { type: "button", class: "btn btn-small", onclick: () => this.renameTo(one.fix) }, icon("check"), say("fix", { name: one.fix })) : null)));
    const term = this.store.data.terms?.[field.term];
    this.term.replaceChildren(...(term ? [icon("terms"), el("a", { href: term.url }, term.title), ` ${term.text}`] : []));
    this.editors[0]?.mark(found.filter((one) => one.severity === "error"));
    this.drawResults();
    this.drawReads();
    for (const one of [this.removal, this.renaming, this.raising, this.lowering]) put(one, "hidden", !field.pointer || field.name === "[]");
  }

  drawResults() {
    const { samples } = this.store.data;
    this.results.replaceChildren(...samples.map((sample) => {
      const cell = sample.cells[this.field.path] ?? {};
      const bad = cell.error ?? sample.problem;
      const text = bad || (cell.value === undefined ? say("nothing") : cell.value + (cell.more ? ` +${cell.more}` : ""));
      return el("li", { "data-tone": bad ? "bad" : cell.value === undefined ? "idle" : "ok" }, icon(bad ? "failed" : cell.value === undefined ? "skipped" : "ok"),
        el("span", { class: "muted" }, sample.label), el("code", {}, text), cell.branch ? el("span", { class: "tag" }, cell.branch) : null);
    }));
  }

  drawReads() {
    const places = this.tree.readsOf(this.field);
    this.reads.replaceChildren(...(places.length ? [el("span", { class: "small muted" }, say("comes_from")),
      ...places.map((place) => el("button", { type: "button", class: "tag", onclick: () => this.tree.source.goTo(place) }, place))] : []));
  }

  // -- changing

  change(kind) {
    this.kindBefore = this.kind;
    this.kind = kind;
    const keep = typeof this.field.form === "string" ? this.field.form : (this.editors[0]?.text() ?? "");
    if (this.kindBefore === "lookup" && kind === "expression") {
      this.tree.written.add(this.field.path);
      return this.build();
    }
    this.tree.written.delete(this.field.path);
    if (kind === "lookup") return this.beginLookup(keep);
    const start = {
      expression: keep || "null", constant: { value: "" }, list: { each: keep || "source", as: "item", fields: {} },
      choose: { choose: [{ when: keep || "true", then: { value: null } }] }, object: {},
    }[kind];
    this.write(start);
  }

  /** What the field read becomes the key. */
  beginLookup(keep) {
    const [first] = this.lookups;
    declare(this.store, first);
    this.write(writeLookup({ name: first.name, key: keep && !readLookup(keep) ? keep : "null", otherwise: "", column: first.columns?.[0] ?? "" }));
  }

  changed(now = false) {
    this.typing = true;
    const { default: fallback } = this.inputs;
    if (fallback) put(fallback.node, "hidden", this.inputs.on_missing.get() !== "default" && this.inputs.on_null.get() !== "default");
    if (now) this.send({ quick: true });
    else this.later();
  }

  send({ quick }) {
    this.later.cancel();
    this.typing = false;
    const form = this[`read_${this.kind}`]?.();
    if (form === undefined) return;
    const said = JSON.stringify([this.kind, form]);
    if (said === this.shown) return;
    this.shown = said;
    if (this.kind === "list" && this.field.kind === "list") this.sendList(form);
    else this.write(form, quick);
  }

  write(form, quick = true) {
    const { pointer, steps } = this.field;
    if (pointer) this.store.edit({ deed: "set", path: pointer, value: form }, { quick });
    else this.store.edit({ deed: "fill", path: steps, value: form, each: this.eachOf() }, { quick });
  }

  /** The list in the source that a new list around this field most likely goes through. */
  eachOf() {
    const text = typeof this.inputs.expr?.get() === "string" ? this.inputs.expr.get() : "";
    return /([\w.]+)\[0\]/.exec(text)?.[1] ?? "";
  }

  sendList(form) {
    const had = this.field.form;
    for (const key of ["each", "as", "where", "sort"]) {
      if (form[key] === undefined && had[key] !== undefined) this.store.edit({ deed: "remove", path: [...this.field.pointer, key] });
      else if (form[key] !== undefined && JSON.stringify(form[key]) !== JSON.stringify(had[key])) this.store.edit({ deed: "set", path: [...this.field.pointer, key], value: form[key] });
    }
  }

  read_expression() {
    const expr = this.inputs.expr.get();
    if (!expr) return undefined;
    const missing = this.inputs.on_missing.get();
    const nulls = this.inputs.on_null.get();
    if (missing === "error" && nulls === "keep") return expr;
    const form = { expr };
    if (missing !== "default" && missing !== "error") form.on_missing = missing;
    if (missing === "default" || nulls === "default") form.default = this.inputs.default.get() ?? null;
    if (missing === "error" && nulls === "default") form.on_missing = "error";
    if (nulls !== (missing === "default" ? "default" : "keep")) form.on_null = nulls;
    return form;
  }

  read_lookup() {
    const name = this.inputs.name.get();
    const key = this.inputs.key.get();
    const chosen = this.lookups.find((one) => one.name === name);
    if (!key) return undefined;
    if (chosen) declare(this.store, chosen);
    const column = this.inputs.column?.get() ?? "";
    const fits = !chosen?.columns || chosen.columns.includes(column);
    return writeLookup({ name, key, otherwise: this.inputs.otherwise.get(), column: fits ? column : (chosen.columns[0] ?? "") });
  }

  read_constant() {
    const value = this.inputs.value.get();
    return value === undefined ? undefined : { value };
  }

  read_list() {
    const form = { each: this.inputs.each.get(), as: this.inputs.as.get() || "item" };
    const sort = this.inputs.sort.get();
    if (!form.each) return undefined;
    if (this.inputs.where.get()) form.where = this.inputs.where.get();
    if (sort) form.sort = sort.startsWith("[") ? (read(sort) ?? sort) : sort;
    return this.field.kind === "list" ? form : { ...form, fields: {} };
  }

  read_choose() {
    const choose = [];
    for (let at = 0; at < this.cases; at += 1) {
      const [when, then] = [this.inputs[`when${at}`].get(), this.inputs[`then${at}`].get()];
      if (when) choose.push({ when, then: then ? formOf(then) : { value: null } });
    }
    const otherwise = this.inputs.otherwise.get();
    if (!choose.length) return undefined;
    return otherwise ? { choose, otherwise: formOf(otherwise) } : { choose };
  }

  addCase() {
    const form = this.read_choose() ?? { choose: [] };
    form.choose.push({ when: "false", then: { value: null } });
    this.write(form);
  }

  /** A place of the source goes where the cursor stands; into an empty expression it goes alone. */
  insert(place) {
    const editor = this.focused ?? this.editors[0];
    if (!editor) return false;
    editor.insert(expressionOf(place, this.field.names));
    return true;
  }

  fragment(select) {
    const chosen = select.value;
    select.value = "";
    if (!chosen) return;
    const own = library(this.store).find((one) => `${one.kind} ${one.reference}` === chosen || chosen.startsWith(`${one.kind} ${one.reference.split("@")[0]}@`));
    if (own) declare(this.store, own);
    const text = own ? callOf(own) : chosen;
    (this.focused ?? this.editors[0])?.insert(text, text.lastIndexOf(")"));
  }

  renameTo(name) {
    if (!name || name === this.field.name) return;
    const above = this.field.path.slice(0, -this.field.name.length);
    this.tree.renamed = above + name;
    this.store.edit({ deed: "rename", path: this.field.pointer, name });
  }

  rename() {
    const input = el("input", { class: "form-control", value: this.field.name, "aria-label": say("new_name"), spellcheck: "false" });
    const done = () => {
      const name = input.value.trim();
      input.replaceWith(this.renaming);
      this.renameTo(name);
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        done();
      }
    });
    input.addEventListener("blur", done, { once: true });
    this.renaming.replaceWith(input);
    input.select();
  }

  move(by) {
    const path = this.field.pointer;
    const holder = JSON.stringify(path.slice(0, -1));
    const siblings = this.store.data.target.filter((one) => one.pointer && JSON.stringify(one.pointer.slice(0, -1)) === holder).map((one) => one.pointer.at(-1));
    const at = siblings.indexOf(path.at(-1));
    const others = siblings.filter((one) => one !== path.at(-1));
    const to = at + by;
    if (to < 0 || to > others.length) return;
    this.store.edit({ deed: "move", path, name: to === 0 ? "" : others[to - 1] });
  }

  // -- keyboard

  key(event) {
    if (event.key === "Escape" && !event.defaultPrevented) {
      event.preventDefault();
      this.tree.close({ focus: true });
    }
  }

  next(event) {
    this.send({ quick: true });
    if (event.ctrlKey || event.metaKey) return this.tree.nextUnmapped();
    const rows = [...this.tree.list.querySelectorAll("li:not([hidden]) > .map-row")];
    const at = rows.findIndex((one) => one.closest("li").contains(this.node));
    rows[at + (event.shiftKey ? -1 : 1)]?.click();
    return true;
  }

  focusLast() {
    (this.focused ?? this.editors[0])?.focus();
  }

  focus() {
    (this.editors[0] ?? this.controls.querySelector("input, select"))?.focus();
  }

  leaveTyping() {
    if (this.typing) this.send({ quick: true });
  }

  /** What was typed last is not lost when another field is opened. */
  leave() {
    this.leaveTyping();
    this.editors.forEach((one) => one.destroy());
  }
}

/** A form as the text of one line: expressions as they are, anything else as JSON. */
function written(form) {
  return typeof form === "string" ? form : JSON.stringify(form);
}

function formOf(text) {
  if (!text.startsWith("{")) return text;
  return read(text) ?? text;
}

/** JSON, or undefined while it is not (yet) JSON. */
function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
