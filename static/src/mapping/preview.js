// What comes out of every sample: side by side, a row for each place of the target, or the chosen one as JSON.
import { arrows, el, icon, put, tell } from "./dom.js";
import { say } from "./setup.js";

/** The places of all samples together; a place that only a later one has stands behind the one before it there. */
function together(columns) {
  const order = [];
  const known = new Set();
  for (const column of columns) {
    let behind = -1;
    for (const path of column.keys()) {
      if (known.has(path)) behind = order.indexOf(path);
      else {
        behind += 1;
        order.splice(behind, 0, path);
        known.add(path);
      }
    }
  }
  return order;
}

/** For a place that is empty in other samples: that there is something inside of it. */
function held(column, path) {
  for (const key of column.keys()) {
    if (key.startsWith(`${path}[`)) return { text: "[…]" };
    if (path && key.startsWith(`${path}.`)) return { text: "{…}" };
  }
  return undefined;
}

const generalOf = (path) => path.replaceAll(/\[\d+\]/g, "[]");

export class Preview {
  constructor({ host, json, views, differing, of }, store, { light, open }) {
    Object.assign(this, { host, json, views, differing, of, store, light, open });
    this.view = "table";
    for (const button of views) button.addEventListener("click", () => this.show(button.dataset.mapView));
    differing.addEventListener("change", () => this.draw());
    arrows(host, ".map-place");
    this.show("table");
  }

  show(view) {
    this.view = view;
    for (const button of this.views) put(button, "aria-pressed", String(button.dataset.mapView === view));
    put(this.host, "hidden", view !== "table");
    put(this.json, "hidden", view !== "json");
    put(this.differing.closest("label"), "hidden", view !== "table");
    this.draw();
  }

  draw() {
    const { samples } = this.store.data;
    const shown = this.store.result;
    tell(this.of, this.view === "json" ? (shown.label ?? "") : "");
    if (this.view === "json") {
      tell(this.json, shown.problem || (shown.text ?? say("no_target")));
      return;
    }
    const columns = samples.map((sample) => this.column(sample));
    const order = together(columns);
    const rows = order.map((path) => this.row(path, columns, samples)).filter(Boolean);
    const focused = this.host.contains(document.activeElement) ? document.activeElement.dataset.place : null;
    this.host.replaceChildren(rows.length ? el("table", { class: "map-table", "data-columns": samples.length },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, say("place_of_target")),
        ...samples.map((sample, at) => el("th", { scope: "col", "data-chosen": at === this.store.chosen }, sample.label,
          sample.problem ? el("span", { class: "small", "data-tone": "bad" }, icon("failed"), sample.problem) : null)))),
      el("tbody", {}, rows)) : el("p", { class: "card-in muted" }, shown.problem || say(order.length ? "no_difference" : "no_target")));
    if (focused) this.host.querySelector(`[data-place="${CSS.escape(focused)}"]`)?.focus();
  }

  /** Texts by place; fields that failed stand there with what went wrong. */
  column(sample) {
    const found = new Map((sample.leaves ?? []).map(([path, text]) => [path, { text }]));
    for (const [path, cell] of Object.entries(sample.cells)) if (cell.error) found.set(path, { text: cell.error, bad: true });
    return found;
  }

  row(path, columns, samples) {
    const cells = columns.map((column) => column.get(path) ?? held(column, path));
    const readable = cells.filter((_, at) => !samples[at].problem);
    const differs = new Set(readable.map((one) => one?.text)).size > 1;
    if (this.differing.checked && !differs) return null;
    const place = generalOf(path);
    const name = el("button", {
      type: "button", class: "map-place", "data-place": path, onclick: () => this.open(place),
      onfocus: () => this.light(place), onmouseenter: () => this.light(place), onblur: () => this.light(null), onmouseleave: () => this.light(null),
    }, path || say("whole"));
    return el("tr", { "data-differs": differs }, el("th", { scope: "row" }, name, differs ? el("span", { class: "map-differs" }, el("span", { "aria-hidden": "true" }, "≠"), el("span", { class: "visually-hidden" }, say("differs"))) : null),
      ...cells.map((cell, at) => el("td", { "data-chosen": at === this.store.chosen, "data-tone": cell?.bad ? "bad" : null }, cell ? el("code", {}, cell.text) : el("span", { class: "muted" }, "–"))));
  }
}
