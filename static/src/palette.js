// Ctrl+K or Cmd+K: a combobox over what the server offers for the typed text, see web/jump.html.
import { showDialog } from "./dialogs.js";
import { say } from "./words.js";

const PAUSE_MS = 120;
const MOST_RECENT = 6;

/** Places visited in this tab, newest first: [{label, url, icon}]. Gone with the tab, since labels can be customers'. */
function recent() {
  try {
    return JSON.parse(sessionStorage.getItem("recent") ?? "[]");
  } catch {
    return [];
  }
}

function remember(place) {
  const others = recent().filter(({ url }) => url !== place.url);
  try {
    sessionStorage.setItem("recent", JSON.stringify([place, ...others].slice(0, MOST_RECENT + 1)));
  } catch {
    // storage is switched off: there is just nothing recent
  }
}

/** A page of one thing is below a page of the navigation. */
function rememberThisPage() {
  const above = document.querySelector("#side-nav a[aria-current]");
  const title = document.title.split(" · ")[0];
  if (!above || above.pathname === location.pathname || !document.querySelector("main h1")) return;
  const icon = above.querySelector("use")?.getAttribute("href").split("#")[1] ?? "info";
  remember({ label: title, url: location.pathname, icon });
}

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function iconOf(name) {
  const template = document.createElement("template");
  template.innerHTML = '<svg class="icon" aria-hidden="true" focusable="false"><use></use></svg>';
  const source = document.querySelector("meta[name=assets]").dataset.iconsSrc;
  template.content.querySelector("use").setAttribute("href", `${source}#${name}`);
  return template.content;
}

function recentGroup() {
  const places = recent().filter(({ url }) => url !== location.pathname).slice(0, MOST_RECENT);
  if (!places.length) return [];
  const options = places.map(({ label, url, icon }) =>
    element("div", { class: "jump", role: "option", "aria-selected": "false", "data-url": url, "data-icon": icon },
      iconOf(icon), element("span", { class: "clip" }, label)),
  );
  const head = element("div", { class: "jump-title", id: "jump-recent", role: "presentation" }, say("recent"));
  return [element("div", { role: "group", "aria-labelledby": "jump-recent" }, head, ...options)];
}

class Palette {
  constructor(dialog) {
    this.dialog = dialog;
    this.input = dialog.querySelector("[role=combobox]");
    this.list = dialog.querySelector("[role=listbox]");
    this.form = dialog.querySelector("form");
    this.input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.search(), PAUSE_MS);
    });
    this.input.addEventListener("keydown", (event) => this.press(event));
    this.list.addEventListener("pointermove", (event) => this.select(event.target.closest("[role=option]")));
    this.list.addEventListener("click", (event) => this.choose(event.target.closest("[role=option]"), event));
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  }

  open() {
    if (this.dialog.open) return;
    this.input.value = "";
    showDialog(this.dialog);
    this.input.focus();
    this.search();
  }

  get options() {
    return [...this.list.querySelectorAll("[role=option]")];
  }

  async search() {
    const text = this.input.value.trim();
    this.asked?.abort();
    this.asked = new AbortController();
    const address = `${this.dialog.dataset.search}?q=${encodeURIComponent(text)}`;
    let answer;
    try {
      answer = await fetch(address, { signal: this.asked.signal });
      if (answer.redirected) return location.reload(); // signed out meanwhile: the page leads to sign-in and back
      if (!answer.ok) throw new Error(String(answer.status));
      this.list.innerHTML = await answer.text();
    } catch (fault) {
      if (fault.name !== "AbortError") this.show(say("unreachable"));
      return;
    }
    if (!text) this.list.prepend(...recentGroup());
    this.options.forEach((option, place) => (option.id = `jump-${place}`));
    this.select(this.options[0]);
    this.dialog.querySelector(".palette-none").hidden = this.options.length > 0;
    this.show(say("offers", { count: this.options.length }));
  }

  show(text) {
    this.dialog.querySelector("[role=status]").textContent = text;
  }

  select(option) {
    if (option === null) return;
    this.list.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", option?.id ?? "");
  }

  press(event) {
    const options = this.options;
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps && options.length) {
      event.preventDefault();
      this.select(options[(at + steps[event.key] + options.length) % options.length]);
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      this.choose(options[at], event);
    }
  }

  choose(option, event) {
    if (!option) return;
    const { url, field, value, icon } = option.dataset;
    if (!url) {
      this.dialog.close();
      showDialog(document.getElementById("keys"));
    } else if (field) {
      this.form.action = url;
      this.form.append(element("input", { type: "hidden", name: field, value }));
      if (field === "signed") sessionStorage.removeItem("recent");
      this.form.requestSubmit();
    } else if (event.ctrlKey || event.metaKey) {
      window.open(url, "_blank", "noopener");
    } else {
      if (icon !== "plus" && icon !== "switch") remember({ label: option.querySelector(".clip").textContent, url, icon });
      location.assign(url);
    }
  }
}

/** Gives the function that opens the palette; null on pages without one. */
export function startPalette() {
  rememberThisPage();
  const dialog = document.getElementById("palette");
  if (!dialog) return null;
  const palette = new Palette(dialog);
  document.addEventListener("click", (event) => event.target.closest("[data-palette-open]") && palette.open());
  return () => palette.open();
}
