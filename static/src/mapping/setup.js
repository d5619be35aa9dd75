// What the page hands to the mapping editor: addresses, words, samples.
const read = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");

export const setup = read("mapping-setup");
export const guide = read("editor-document-guide") ?? { functions: [] };
const words = setup?.words ?? {};

/** A text in the language of the page; `values` stand for the places written %(name)s. */
export function say(name, values = {}) {
  return (words[name] ?? name).replace(/%\((\w+)\)s/g, (_, place) => values[place] ?? "");
}
