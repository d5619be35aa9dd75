// Where in a YAML document a position is, told from indentation: it also works while the text is half written.

const KEY = /^(\s*)((?:- +)*)(?:"([^"]*)"|'([^']*)'|([^\s#:'"[\]{},&*!|>%@`-][^:#]*?|[A-Za-z_$][\w$-]*))\s*:(?:\s+(.*)|\s*)$/;
const ITEM = /^(\s*)- */;

/** A line as key: its column, the column of its item's dash (or -1), its name and what follows. */
function readLine(text) {
  if (!text.trim() || /^\s*#/.test(text)) return null;
  const match = KEY.exec(text);
  if (match) {
    const column = match[1].length + match[2].length;
    return { column, dash: match[2] ? column - 2 : -1, key: match[3] ?? match[4] ?? match[5], value: match[6] ?? "" };
  }
  const item = ITEM.exec(text);
  return item
    ? { column: item[0].length, dash: item[1].length, key: null, value: text.slice(item[0].length) }
    : { column: text.length - text.trimStart().length, dash: -1, key: null, value: text.trim() };
}

/**
 * {path, siblings, key, inValue, from}: the keys that lead to the mapping around the position ("[]" for an item), the
 * keys beside it with their texts, and, inside a value, the key that it belongs to.
 */
export function placeAt(state, position) {
  const line = state.doc.lineAt(position);
  const before = line.text.slice(0, position - line.from);
  const own = KEY.exec(before.replace(/\s+$/, (space) => (/:\s*$/.test(before) ? " " : space)));
  const item = /^(\s*(?:- +)*)/.exec(line.text)[1];
  let column = Math.min(item.length, before.length);
  if (!line.text.trim()) column = before.length;
  const siblings = {};
  const path = [];
  let dash = /-/.test(item) ? column - 2 : -1;
  let key = null;
  let inValue = false;
  const colon = /^(\s*(?:- +)*)([\w$"'.-]+)\s*:(\s|$)/.exec(line.text);
  if (colon && position - line.from > colon[0].trimEnd().length) {
    key = colon[2].replace(/^["']|["']$/g, "");
    inValue = true;
  } else if (!colon && /^\s*- /.test(before) === false && own === null && block(state, line, column)) {
    ({ key } = block(state, line, column));
    inValue = true;
  }
  below(state, line, column, siblings);
  if (dash >= 0) {
    path.unshift("[]");
    column = dash;
  }
  for (let number = line.number - 1; number > 0; number -= 1) {
    if (column === 0 && path.length && path[0] !== "[]") break;
    const found = readLine(state.doc.line(number).text);
    if (!found) continue;
    const beside = path.length === 0 && found.column === column && found.key !== null;
    if (beside) {
      siblings[found.key] ??= found.value;
      if (found.dash >= 0) {
        path.unshift("[]");
        column = found.dash;
      }
      continue;
    }
    const parentOfItem = path[0] === "[]" && found.key !== null && found.dash < 0 && found.column <= column;
    if (found.key !== null && (found.column < column || parentOfItem)) {
      path.unshift(found.key);
      column = found.column;
      if (found.dash >= 0) {
        path.unshift("[]");
        column = found.dash;
      }
    } else if (found.dash >= 0 && found.column <= column && found.dash < column && path[0] !== "[]") {
      path.unshift("[]");
      column = found.dash;
    }
  }
  return { path, siblings, key, inValue };
}

/** The key of a block text (| or >) that a line belongs to, if any. */
function block(state, line, column) {
  for (let number = line.number - 1; number > 0; number -= 1) {
    const found = readLine(state.doc.line(number).text);
    if (!found || found.column >= column) continue;
    return found.key !== null && /^[|>]/.test(found.value) ? found : null;
  }
  return null;
}

function below(state, line, column, siblings) {
  for (let number = line.number + 1; number <= state.doc.lines; number += 1) {
    const found = readLine(state.doc.line(number).text);
    if (!found) continue;
    if (found.column < column || (found.dash >= 0 && found.dash < column)) return;
    if (found.column === column && found.key !== null) siblings[found.key] ??= found.value;
  }
}

/** Every step of a text that has an id, in order, with its line number and the keys of inline fields. */
export function stepsIn(state) {
  const found = [];
  for (let number = 1; number <= state.doc.lines; number += 1) {
    const match = /^\s*(?:- +)?id:\s*["']?([a-z][a-z0-9_]*)["']?\s*(?:#.*)?$/.exec(state.doc.line(number).text);
    if (match) found.push({ id: match[1], line: number });
  }
  return found;
}

/** The keys of the mapping below the first `name:` after a line, up to the next step. */
export function keysBelow(state, from, name) {
  let column = -1;
  let inner = -1;
  const found = [];
  for (let number = from + 1; number <= state.doc.lines; number += 1) {
    const line = readLine(state.doc.line(number).text);
    if (!line) continue;
    if (line.key === "id" && column < 0) break;
    if (column < 0) {
      if (line.key === name && !line.value) column = line.column;
    } else {
      if (line.column <= column) break;
      if (inner < 0) inner = line.column;
      if (line.column === inner && line.key !== null) found.push(line.key);
    }
  }
  return found;
}
