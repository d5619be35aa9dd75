// An expression that is nothing but one look-up, as its parts, and the other way round.
const WHOLE = /^lookup\('(\w+)',\s*(.+)\)(?:\.(\w+))?$/s;

/** {name, key, otherwise, column} of `lookup('name', key, otherwise).column`; null for any other expression. */
export function readLookup(text) {
  const found = WHOLE.exec(text.trim());
  const parts = found && argumentsOf(found[2]);
  if (!parts || parts.length > 2) return null;
  return { name: found[1], key: parts[0], otherwise: parts[1] ?? "", column: found[3] ?? "" };
}

export function writeLookup({ name, key, otherwise, column }) {
  return `lookup('${name}', ${key}${otherwise ? `, ${otherwise}` : ""})${column ? `.${column}` : ""}`;
}

/** The arguments at the outermost level; null where a bracket closes that was not opened. */
function argumentsOf(text) {
  const parts = [""];
  let depth = 0;
  let quote = "";
  for (const [at, letter] of [...text].entries()) {
    if (quote) quote = letter === quote && text[at - 1] !== "\\" ? "" : quote;
    else if (letter === "'" || letter === '"') quote = letter;
    else if ("([{".includes(letter)) depth += 1;
    else if (")]}".includes(letter)) depth -= 1;
    if (depth < 0) return null;
    if (letter === "," && !depth && !quote) parts.push("");
    else parts[parts.length - 1] += letter;
  }
  return depth || quote ? null : parts.map((one) => one.trim());
}
