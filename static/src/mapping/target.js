// The tree of what is to be made: how each field is made, what came out of the chosen sample, what is missing.
import { arrows, el, icon, put, tell } from "./dom.js";
import { FieldForm } from "./field.js";
import { termOf } from "./help.js";
import { say } from "./setup.js";

export class TargetTree {
  constructor(host, controls, store, { light, source }) {
    Object.assign(this, { host, controls, store, light, source });
    this.rows = new Map();
    this.closed = new Set();
    this.written = new Set();
    this.open = null;
    this.list = host.appendChild(el("ul", { class: "map-list map-target", "aria-label": say("target") }));
    arrows(this.list, ".map-row", {
      ArrowRight: (at) => this.fold(at.closest("li").dataset.path, false),
      ArrowLeft: (at) => this.fold(at.closest("li").dataset.path, true),
      Delete: (at) => this.remove(at.closest("li").dataset.path),
    });
    controls.search.addEventListener("input", () => this.show());
    controls.unmapped.addEventListener("change", () => this.show());
    this.list.addEventListener("dragover", (event) => {
      if (event.target.closest("li") && event.dataTransfer.types.includes("application/x-place")) event.preventDefault();
    });
    this.list.addEventListener("drop", (event) => {
      const path = event.dataTransfer.getData("application/x-place");
      const row = this.rows.get(event.target.closest("li")?.dataset.path);
      if (!path || !row || event.target.closest(".cm-editor")) return;
      event.preventDefault();
      this.openRow(row);
      this.form.insert(path);
    });
  }

  draw() {
    const { target } = this.store.data;
    this.holders = new Set(target.filter((field, at) => (target[at + 1]?.depth ?? 0) > field.depth).map((one) => one.path));
    const kept = new Set();
    let before = null;
    for (const field of target) {
      const row = this.rows.get(field.path) ?? this.make(field);
      kept.add(field.path);
      if (before ? before.nextSibling !== row.node : this.list.firstChild !== row.node) {
        if (before) before.after(row.node);
        else this.list.prepend(row.node);
      }
      before = row.node;
      this.fill(row, field);
    }
    const under = this.renamed && kept.has(this.renamed) ? this.rows.get(this.renamed) : null;
    this.renamed = null;
    for (const [path, row] of this.rows) {
      if (kept.has(path)) continue;
      if (this.open === row && under) this.openRow(under);
      else if (this.open === row) this.close();
      row.node.remove();
      this.rows.delete(path);
    }
    this.show();
    if (!this.open) return;
    this.form.update(this.open.field);
    if (!document.activeElement?.closest(".map-pick")) this.light(this.open.field.path);
  }

  make(field) {
    const { path } = field;
    const fold = el("button", { type: "button", class: "map-fold", onclick: () => this.fold(path) });
    const name = el("span", { class: "map-name" });
    const marks = el("span", { class: "map-type" });
    const made = el("code", { class: "map-made" });
    const value = el("code", { class: "map-value" });
    const button = el(
      "button",
      {
        type: "button", class: "map-row", "aria-expanded": "false",
        onclick: () => (this.open?.field.path === path ? this.close() : this.openRow(this.rows.get(path))),
        onfocus: () => this.light(path), onmouseenter: () => this.light(path),
        onblur: () => this.light(this.open?.field.path ?? null), onmouseleave: () => this.light(this.open?.field.path ?? null),
      },
      el("span", { class: "map-head" }, name, marks), made, value,
    );
    const node = el("li", { "data-path": path, "data-depth": Math.min(field.depth, 10) }, fold, button);
    const row = { node, fold, name, marks, made, value, button };
    this.rows.set(path, row);
    return row;
  }

  fill(row, field) {
    row.field = field;
    const { cells } = this.store.result;
    const cell = cells[field.path] ?? {};
    const faults = (field.findings ?? []).filter((one) => one.severity === "error");
    const state = faults.length || cell.error ? "bad" : field.kind === "unmapped" ? (field.required ? "wait" : "idle") : "";
    put(row.node, "data-kind", field.kind);
    put(row.node, "data-state", state || null);
    tell(row.name, field.name === "[]" ? say("element") : field.name);
    put(row.name, "data-required", field.required);
    tell(row.marks, [field.type, field.extra ? say("extra") : "", field.required && field.kind === "unmapped" ? say("required") : ""].filter(Boolean).join(" · "));
    tell(row.made, madeBy(field));
    const error = faults[0]?.message ?? cell.error;
    tell(row.value, error ?? (cell.value === undefined ? "" : `${cell.value}${cell.more ? ` +${cell.more}` : ""}`));
    put(row.button, "title", [field.doc, termOf(this.store, field), error].filter(Boolean).join("\n") || null);
  }

  fold(path, closed) {
    if (!this.holders.has(path)) return false;
    if (closed ?? !this.closed.has(path)) this.closed.add(path);
    else this.closed.delete(path);
    this.show();
    return true;
  }

  show() {
    const sought = this.controls.search.value.trim().toLowerCase();
    const unmapped = this.controls.unmapped.checked;
    const filtered = Boolean(sought) || unmapped;
    const found = new Set();
    const above = [];
    for (const field of filtered ? this.store.data.target : []) {
      above.length = field.depth;
      above[field.depth] = field.path;
      const fits = `${field.path} ${field.doc} ${madeBy(field)}`.toLowerCase().includes(sought);
      if (fits && (!unmapped || field.kind === "unmapped" || field.path === this.open?.field.path)) above.forEach((path) => found.add(path));
    }
    let hiddenBelow = Infinity;
    for (const field of this.store.data.target) {
      const row = this.rows.get(field.path);
      if (field.depth <= hiddenBelow) hiddenBelow = Infinity;
      put(row.node, "hidden", filtered ? !found.has(field.path) : field.depth > hiddenBelow);
      const holds = this.holders.has(field.path);
      const closed = holds && !filtered && this.closed.has(field.path);
      put(row.fold, "disabled", !holds);
      put(row.fold, "aria-expanded", holds ? String(!closed) : null);
      put(row.fold, "aria-label", holds ? say(closed ? "unfold" : "fold", { name: field.name }) : field.name);
      if (holds && !row.fold.firstChild) row.fold.append(icon("chevron-right"));
      if (closed && hiddenBelow === Infinity) hiddenBelow = field.depth;
    }
    const { mapped = 0, unmapped: left = 0, required = 0, faults = 0 } = this.store.data.counts;
    tell(this.controls.counts, say(required ? "counts_required" : "counts", { mapped, all: mapped + left, required }) + (faults ? ` · ${say("faults", { count: faults })}` : ""));
    put(this.controls.counts, "data-tone", faults ? "bad" : required ? "wait" : null);
  }

  openRow(row) {
    if (!row) return;
    if (this.open === row) return;
    this.close();
    this.open = row;
    put(row.button, "aria-expanded", "true");
    this.form = new FieldForm(this, row.field);
    row.node.append(this.form.node);
    this.light(row.field.path);
    this.form.focus();
    this.form.node.scrollIntoView({ block: "nearest" });
  }

  close({ focus = false } = {}) {
    if (!this.open) return;
    const row = this.open;
    put(row.button, "aria-expanded", "false");
    this.form.leave();
    this.form.node.remove();
    this.form = null;
    this.open = null;
    this.light(null);
    if (focus) row.button.focus();
  }

  /** The row of a field, else of the nearest that makes it as a part of its own. */
  rowOf(path) {
    for (let at = path; at; at = at.replace(/(\[\]|\.?[^.[\]]+)$/, "")) {
      if (this.rows.has(at)) return this.rows.get(at);
    }
    return null;
  }

  /** Opens what is around a field, and the field. */
  goTo(path) {
    const row = this.rowOf(path);
    if (!row) return;
    this.reveal(row.field.path);
    this.openRow(row);
  }

  reveal(path) {
    for (const field of this.store.data.target) if (path.startsWith(`${field.path}.`) || path.startsWith(`${field.path}[`)) this.closed.delete(field.path);
    this.controls.search.value = "";
    this.controls.unmapped.checked = false;
    this.show();
  }

  remove(path) {
    const { field } = this.rows.get(path) ?? {};
    if (!field?.pointer) return false;
    this.store.edit({ deed: "remove", path: field.pointer });
    return true;
  }

  /** The next field that nothing makes yet, after the one in focus. */
  nextUnmapped() {
    const { target } = this.store.data;
    const at = target.findIndex((one) => one.path === (this.open?.field.path ?? document.activeElement?.closest("[data-path]")?.dataset.path));
    const order = [...target.slice(at + 1), ...target.slice(0, at + 1)];
    const next = order.find((one) => one.kind === "unmapped" && !this.holders.has(one.path));
    if (!next) return false;
    this.reveal(next.path);
    this.openRow(this.rows.get(next.path));
    return true;
  }

  /** The places that a field reads: what its expressions name, and what was really read of the chosen sample. */
  readsOf(field) {
    if (!field) return [];
    const seen = this.store.result.cells[field.path]?.reads ?? [];
    const general = new Set(seen.map((one) => one.replaceAll(/\[\d+\]/g, "[]")));
    return [...seen, ...(field.reads ?? []).filter((one) => !general.has(one))];
  }

  mark(paths) {
    const wanted = new Set(paths);
    for (const [path, { node }] of this.rows) put(node, "data-lit", wanted.has(path));
  }
}

/** How a field is made, on one line. */
export function madeBy(field) {
  const { kind, form } = field;
  if (kind === "expression") return typeof form === "string" ? form : form.expr;
  if (kind === "constant") return JSON.stringify(form.value);
  if (kind === "list") return `${say("each")} ${form.each}${form.where ? ` ${say("where")} ${form.where}` : ""}`;
  if (kind === "choose") return form.choose.map((one) => `${one.when} → ${brief(one.then)}`).concat("otherwise" in form ? [brief(form.otherwise)] : []).join("; ");
  return "";
}

function brief(form) {
  return typeof form === "string" ? form : form && "value" in form ? JSON.stringify(form.value) : (form?.expr ?? "{…}");
}
