// The words of the scripts, in the language of the page: <script id="words" type="application/json">, see ipaas/web/i18n.
const words = JSON.parse(document.getElementById("words")?.textContent ?? "{}");

/** A text by its name; `values` stand for the places written %(name)s. */
export function say(name, values = {}) {
  return (words[name] ?? name).replace(/%\((\w+)\)s/g, (_, place) => values[place] ?? "");
}

/** What the editor says itself, by its English phrase; nothing where the page is in English. */
export function phrases() {
  return words.phrases ?? {};
}
