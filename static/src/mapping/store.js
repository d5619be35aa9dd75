// The document is the text in the form. Edits go to the server with it and come back as a text with the changed part.
import { debounced } from "./dom.js";
import { setup, say } from "./setup.js";

const QUIET_MS = 180;
const MOST_PAUSE_MS = 30_000;

export class Store extends EventTarget {
  constructor(area) {
    super();
    this.area = area;
    this.known = area.value;
    this.samples = setup.samples;
    this.chosen = 0;
    this.data = { target: [], source: [], samples: [], counts: {}, findings: [] };
    this.waiting = [];
    this.flying = false;
    this.again = false;
    this.failures = 0;
    this.soon = debounced(QUIET_MS, () => this.send());
    area.addEventListener("input", () => {
      if (area.value !== this.known) this.soon();
    });
  }

  /** One edit of the document; of several to one place, before they are sent, the last counts. */
  edit(edit, { quick = true } = {}) {
    const same = JSON.stringify(edit.path);
    if (edit.deed === "set") {
      this.waiting = this.waiting.filter((one) => one.deed !== "set" || JSON.stringify(one.path) !== same);
    }
    this.waiting.push(edit);
    this.dispatchEvent(new Event("waiting"));
    if (quick) this.send();
    else this.soon();
  }

  get busy() {
    return this.flying || this.waiting.length > 0;
  }

  /** Again after a while, and at once where the browser says that the network is back. */
  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), Math.min(MOST_PAUSE_MS, 1000 * 2 ** this.failures));
    addEventListener("online", () => this.send(), { once: true });
  }

  async send() {
    this.soon.cancel();
    clearTimeout(this.timer);
    if (this.flying) {
      this.again = true;
      return;
    }
    this.flying = true;
    const text = this.area.value;
    const edits = this.waiting;
    this.waiting = [];
    let answer;
    try {
      answer = await this.ask(setup.fields_url, { edits: JSON.stringify(edits) });
    } catch {
      this.flying = false;
      this.waiting = [...edits, ...this.waiting];
      this.failures += 1;
      this.later();
      this.dispatchEvent(new CustomEvent("problem", { detail: { text: say("unreachable"), keeps: true } }));
      return;
    }
    this.flying = false;
    this.failures = 0;
    if (this.area.value !== text) {
      this.waiting = [...edits, ...this.waiting];
      this.again = true;
    } else this.take(answer, edits);
    if (this.again) {
      this.again = false;
      this.send();
    } else if (!this.busy) this.dispatchEvent(new Event("rest"));
  }

  take(answer, edits) {
    if (answer.problem) {
      const readable = edits.length > 0;
      this.dispatchEvent(new CustomEvent("problem", { detail: { text: answer.problem, line: answer.line, keeps: readable } }));
      if (readable) this.again = true;
      return;
    }
    if (answer.text !== undefined && answer.text !== this.area.value) {
      this.known = answer.text;
      this.area.dispatchEvent(new CustomEvent("replace", { detail: answer.text }));
    }
    this.known = this.area.value;
    this.data = answer;
    this.dispatchEvent(new CustomEvent("data", { detail: { edited: edits.length > 0 } }));
  }

  /** Posts the text and the samples with more values; the JSON of the answer. */
  async ask(url, values = {}) {
    const body = new FormData();
    body.set("csrfmiddlewaretoken", this.area.form.elements.csrfmiddlewaretoken.value);
    body.set("document", this.area.value);
    body.set("base", JSON.stringify(setup.base ?? []));
    body.set("slug", setup.slug ?? "");
    body.set("wanted", JSON.stringify(setup.wanted ?? {}));
    body.set("samples", JSON.stringify(this.samples));
    for (const [name, value] of Object.entries(values)) body.set(name, value);
    const answer = await fetch(url, { method: "POST", body, headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  choose(index) {
    this.chosen = index;
    this.dispatchEvent(new CustomEvent("data", { detail: { edited: false } }));
  }

  get result() {
    return this.data.samples[this.chosen] ?? { cells: {}, failed: 0, problem: "" };
  }

  /** A step back or forth in the history of the whole text, which the text's editor keeps. */
  history(deed) {
    this.area.dispatchEvent(new CustomEvent(deed));
  }
}

/** What an expression says to read a place; `names` stand for elements of the lists around the field. */
export function expressionOf(place, names = {}) {
  let best = ["", ""];
  for (const [name, at] of Object.entries(names)) {
    const inside = at && (place === at || place.startsWith(`${at}.`) || place.startsWith(`${at}[`));
    if (inside && at.length > best[1].length) best = [name, at];
  }
  const text = (best[0] ? best[0] + place.slice(best[1].length) : place).replaceAll("[]", "[0]");
  const [root, ...keys] = text.split(".");
  return root + keys.map((key) => (/^[A-Za-z_]\w*(\[\d+\])*$/.test(key) ? `.${key}` : `["${key}"]`)).join("");
}
