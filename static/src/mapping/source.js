// The tree of what can be read, with the values of the chosen sample beside it.
import { arrows, el, icon, put, tell } from "./dom.js";
import { termOf } from "./help.js";
import { say } from "./setup.js";

const OPEN_DEPTH = 2;

export class SourceTree {
  constructor(host, search, store, { pick, light }) {
    Object.assign(this, { host, search, store, pick, light });
    this.rows = new Map();
    this.closed = new Map();
    this.list = host.appendChild(el("ul", { class: "map-list", "aria-label": say("source") }));
    arrows(this.list, ".map-pick", {
      ArrowRight: (at) => this.fold(at.closest("li").dataset.path, false),
      ArrowLeft: (at) => this.fold(at.closest("li").dataset.path, true),
    });
    search.addEventListener("input", () => this.show());
    this.list.addEventListener("dragstart", (event) => {
      const path = event.target.closest("li")?.dataset.path;
      event.dataTransfer.setData("text/plain", path);
      event.dataTransfer.setData("application/x-place", path);
    });
  }

  draw() {
    const { source } = this.store.data;
    this.holders = new Set(source.filter((place, at) => (source[at + 1]?.depth ?? 0) > place.depth).map((one) => one.path));
    const kept = new Set();
    let before = null;
    for (const place of source) {
      const row = this.rows.get(place.path) ?? this.make(place);
      kept.add(place.path);
      if (before ? before.nextSibling !== row.node : this.list.firstChild !== row.node) {
        if (before) before.after(row.node);
        else this.list.prepend(row.node);
      }
      before = row.node;
      this.fill(row, place);
    }
    for (const [path, row] of this.rows) {
      if (kept.has(path)) continue;
      row.node.remove();
      this.rows.delete(path);
    }
    this.show();
  }

  make(place) {
    const toggle = el("button", { type: "button", class: "map-fold", onclick: () => this.fold(place.path) });
    const name = el("span", { class: "map-name" });
    const type = el("span", { class: "map-type" });
    const value = el("code", { class: "map-value" });
    const readers = el("span", { class: "map-count" });
    const pick = el(
      "button",
      {
        type: "button", class: "map-pick", draggable: "true",
        onclick: () => this.pick(place.path),
        onfocus: () => this.light(place.path), onmouseenter: () => this.light(place.path),
        onblur: () => this.light(null), onmouseleave: () => this.light(null),
      },
      name, type, readers, value,
    );
    const node = el("li", { "data-path": place.path, "data-depth": Math.min(place.depth, 10) }, toggle, pick);
    const row = { node, toggle, name, type, value, readers, pick };
    this.rows.set(place.path, row);
    return row;
  }

  fill(row, place) {
    row.place = place;
    tell(row.name, place.name);
    tell(row.type, [place.type, place.sensitive].filter(Boolean).join(" · "));
    put(row.type, "data-sensitive", Boolean(place.sensitive));
    tell(row.value, place.values[this.store.chosen] ?? "");
    const read = place.readers.length;
    tell(row.readers, read ? String(read) : "");
    put(row.readers, "title", read ? say("readers", { fields: place.readers.join(", ") }) : null);
    put(row.pick, "title", [place.doc, termOf(this.store, place)].filter(Boolean).join("\n") || null);
    put(row.pick, "aria-label", say(read ? "place_read" : "place", { name: place.name, type: place.type, value: row.value.textContent, count: read }));
  }

  isClosed(place) {
    return this.closed.get(place.path) ?? place.depth >= OPEN_DEPTH;
  }

  fold(path, closed) {
    const row = this.rows.get(path);
    if (!row || !this.holders.has(path)) return false;
    this.closed.set(path, closed ?? !this.isClosed(row.place));
    this.show();
    return true;
  }

  /** Hides what is in closed levels, or what the search does not find. */
  show() {
    const sought = this.search.value.trim().toLowerCase();
    const found = new Set();
    if (sought) {
      const above = [];
      for (const place of this.store.data.source) {
        above.length = place.depth;
        above[place.depth] = place.path;
        if (`${place.path} ${place.doc} ${place.values[this.store.chosen] ?? ""}`.toLowerCase().includes(sought)) {
          above.forEach((path) => found.add(path));
        }
      }
    }
    let hiddenBelow = Infinity;
    for (const place of this.store.data.source) {
      const row = this.rows.get(place.path);
      if (place.depth <= hiddenBelow) hiddenBelow = Infinity;
      put(row.node, "hidden", sought ? !found.has(place.path) : place.depth > hiddenBelow);
      const holds = this.holders.has(place.path);
      const closed = holds && !sought && this.isClosed(place);
      put(row.toggle, "disabled", !holds);
      put(row.toggle, "aria-expanded", holds ? String(!closed) : null);
      put(row.toggle, "aria-label", holds ? say(closed ? "unfold" : "fold", { name: place.name }) : place.name);
      if (holds && !row.toggle.firstChild) row.toggle.append(icon("chevron-right"));
      if (closed && hiddenBelow === Infinity) hiddenBelow = place.depth;
    }
  }

  /** Marks places; of those in closed levels the nearest that is shown. */
  mark(places) {
    const lit = new Set();
    for (const path of places) {
      let row = this.rows.get(path) ?? this.rows.get(path.replaceAll(/\[\d+\]/g, "[]"));
      while (row && row.node.hidden) row = this.rows.get(holderOf(row.place.path));
      if (row) lit.add(row.node);
    }
    for (const { node } of this.rows.values()) put(node, "data-lit", lit.has(node));
    return lit;
  }

  /** Opens what is around a place and goes there. */
  goTo(path) {
    const general = path.replaceAll(/\[\d+\]/g, "[]");
    for (let at = holderOf(general); at; at = holderOf(at)) this.closed.set(at, false);
    this.search.value = "";
    this.show();
    const row = this.rows.get(general);
    row?.pick.focus();
    row?.node.scrollIntoView({ block: "nearest" });
  }
}

function holderOf(path) {
  return path.replace(/\.[^.]*$/, "") === path ? "" : path.replace(/\.[^.]*$/, "").replace(/\[\]$/, "");
}
