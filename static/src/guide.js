// Completion and help for documents, from their JSON Schema and from what the workspace has.
import { hoverTooltip } from "@codemirror/view";
import { keysBelow, placeAt, stepsIn } from "./place.js";

const EXPRESSION = /[\w.$-]*$/;
const REFERENCES = { mapping: "mapping", schema: "schemas", contract: "contracts", source_schema: "schemas", target_schema: "schemas" };

/** All schemas that a schema may stand for. */
function alternatives(root, schema, seen = new Set()) {
  if (!schema || typeof schema !== "object" || seen.has(schema)) return [];
  seen.add(schema);
  const own = [schema];
  if (schema.$ref?.startsWith("#/")) {
    const target = schema.$ref.slice(2).split("/").reduce((part, name) => part?.[name], root);
    own.push(...alternatives(root, target, seen));
  }
  for (const word of ["allOf", "oneOf", "anyOf"]) {
    for (const part of schema[word] ?? []) own.push(...alternatives(root, part, seen));
  }
  for (const word of ["then", "else"]) own.push(...alternatives(root, schema[word], seen));
  return own;
}

function follow(root, path) {
  let present = alternatives(root, root);
  for (const name of path) {
    const next = present.flatMap((schema) => {
      if (name === "[]") return [schema.items];
      if (schema.properties && Object.hasOwn(schema.properties, name)) return [schema.properties[name]];
      return typeof schema.additionalProperties === "object" ? [schema.additionalProperties] : [];
    });
    present = next.flatMap((schema) => alternatives(root, schema));
  }
  return present;
}

function properties(schemas) {
  const found = new Map();
  for (const schema of schemas) {
    for (const [name, part] of Object.entries(schema.properties ?? {})) if (!found.has(name)) found.set(name, part);
  }
  return found;
}

const describe = (root, schema) => alternatives(root, schema).find((one) => one.description)?.description;

/** Where the parameters of the action stand, the schema of a call's `with`; likewise the `params` of a poll. */
function schemasAt(guide, state, place) {
  const asked = place.path.indexOf("params");
  if (asked > 0 && place.path[asked - 1] === "poll") {
    const [connection, trigger] = namesAround(state, place, ["connection", "trigger"]);
    return follow(guide.connections[connection]?.polls[trigger] ?? {}, place.path.slice(asked + 1));
  }
  const at = place.path.lastIndexOf("with");
  if (at < 0 || !["call", "compensate"].some((name) => place.path.slice(0, at).includes(name))) {
    return follow(guide.schema, place.path);
  }
  const action = callAbove(guide, state, place);
  return action ? follow(action.params, place.path.slice(at + 1)) : [];
}

/** What the nearest lines before, else behind, say for each key. */
function namesAround(state, place, keys) {
  const lines = [...Array(state.doc.lines).keys()].map((index) => state.doc.line(index + 1).text);
  const nearest = [...lines.slice(0, place.line).reverse(), ...lines.slice(place.line)];
  return keys.map((key) => {
    const pattern = new RegExp(`^\\s*${key}:\\s*["']?([\\w.-]+)`);
    return nearest.map((line) => pattern.exec(line)?.[1]).find(Boolean);
  });
}

/** The action that the lines around a place name: the nearest `connection:` and `action:` above. */
function callAbove(guide, state, place) {
  let { connection, action } = place.siblings;
  for (let number = place.line; number > 0 && !(connection && action); number -= 1) {
    const { text } = state.doc.line(number);
    connection ??= /^\s*(?:- +)?connection:\s*["']?([\w-]+)/.exec(text)?.[1];
    action ??= /^\s*(?:- +)?action:\s*["']?([\w.-]+)/.exec(text)?.[1];
    if (/^\s*- +id:/.test(text)) break;
  }
  for (let number = place.line + 1; number <= state.doc.lines && !(connection && action); number += 1) {
    const { text } = state.doc.line(number);
    if (/^\s*- +id:/.test(text)) break;
    connection ??= /^\s*connection:\s*["']?([\w-]+)/.exec(text)?.[1];
    action ??= /^\s*action:\s*["']?([\w.-]+)/.exec(text)?.[1];
  }
  return guide.connections[connection?.trim()]?.actions[action?.trim()];
}

function keyOptions(guide, state, place) {
  const schemas = schemasAt(guide, state, place);
  const required = new Set(schemas.flatMap((schema) => schema.required ?? []));
  const known = properties(schemas);
  if (!known.size && place.path.includes("schema")) return guide.keywords.map((label) => ({ label, type: "keyword" }));
  return [...known]
    .filter(([name]) => !Object.hasOwn(place.siblings, name))
    .map(([name, schema]) => ({
      label: name,
      apply: `${name}: `,
      type: "property",
      detail: required.has(name) ? "required" : undefined,
      info: describe(guide.schema, schema),
      boost: required.has(name) ? 10 : 0,
    }));
}

function valueOptions(guide, place) {
  const { key, path, siblings } = place;
  const named = (items, type) => items.map((one) => ({ type, ...one }));
  if (key === "connection") {
    return Object.entries(guide.connections).map(([label, one]) => ({ label, type: "class", detail: one.connector }));
  }
  const connection = guide.connections[siblings.connection?.trim()];
  if (key === "action" && connection) {
    return Object.entries(connection.actions).map(([label, one]) => ({
      label,
      type: "method",
      detail: one.effect,
      info: one.undone_by ? `undone by ${one.undone_by}` : undefined,
    }));
  }
  if (key === "trigger" && connection && path.includes("poll")) {
    return Object.keys(connection.polls).map((label) => ({ label, type: "method" }));
  }
  if (key === "endpoint") return named(guide.endpoints, "class");
  if (key === "slug" && path.at(-1) === "flow") return named(guide.flows, "class");
  if (REFERENCES[key]) return named(guide[REFERENCES[key]], "class");
  const schemas = follow(guide.schema, [...path, key]);
  return schemas.flatMap((schema) => {
    const values = schema.enum ?? (Object.hasOwn(schema, "const") ? [schema.const] : []);
    if (schema.type === "boolean") values.push(true, false);
    return values.map((value) => ({ label: String(value), type: "enum" }));
  });
}

function shape(guide, path) {
  return path.reduce((part, name) => part?.[name], guide) ?? {};
}

/** What an expression may read behind what is written so far: `steps.` → ids, `steps.a.` → output … */
function expressionOptions(guide, state, word, line) {
  const parts = word.split(".");
  const names = (list, type = "variable") => list.map((label) => ({ label, type }));
  const inner = parts.slice(0, -1);
  if (!inner.length) {
    const roots = guide.kind === "mapping" ? ["source", "vars", "run", "now"] : ["trigger", "steps", "vars", "run", "business_ids", "now", "loop"];
    return [...names(roots), ...guide.functions.map((one) => ({ ...one, type: "function", apply: `${one.label}(` }))];
  }
  const earlier = stepsIn(state).filter((step) => step.line < line).slice(0, -1); // the last one is the step itself
  if (inner[0] === "steps") {
    const step = earlier.find((one) => one.id === inner[1]);
    if (inner.length === 1) return names(earlier.map((one) => one.id));
    if (inner.length === 2) return names(["output", "status", "error"], "property");
    if (inner.length === 3 && inner[2] === "output" && step) return names(keysBelow(state, step.line, "fields"), "property");
    if (inner.length === 3 && inner[2] === "error") return names(["class", "code", "message"], "property");
    return [];
  }
  if (inner[0] === "vars") return inner.length === 1 ? names(guide.variables, "constant") : [];
  if (inner[0] === "run") return names(["id", "flow", "environment", "started_at"], "property");
  if (inner[0] === "trigger" && inner.length === 1) return names(["body", "event", "headers", "id", "kind", "received_at"], "property");
  const text = state.doc.toString();
  const reference = guide.kind === "mapping" ? /^source_schema:\s*["']?([\w-]+)/m : /^input:\s*\n\s+schema:\s*["']?([\w-]+)/m;
  const schema = reference.exec(text)?.[1];
  const below = inner[0] === "source" ? inner.slice(1) : inner[0] === "trigger" && inner[1] === "body" ? inner.slice(2) : null;
  return below && schema ? names(Object.keys(shape(guide.shapes[schema], below)), "property") : [];
}

function placed(state, position) {
  return { ...placeAt(state, position), line: state.doc.lineAt(position).number };
}

export function completeWith(guide) {
  return (context) => {
    const { state, pos } = context;
    const place = placed(state, pos);
    const word = context.matchBefore(EXPRESSION);
    const text = word?.text ?? "";
    if (!place.inValue) {
      if (!text && !context.explicit) return null;
      const options = keyOptions(guide, state, place);
      const inList = place.path.at(-1) === "[]" && !options.length;
      return options.length || !inList ? { from: pos - text.length, options, validFor: /^[\w$-]*$/ } : null;
    }
    const options = valueOptions(guide, place);
    if (options.length) {
      const from = pos - (context.matchBefore(/[\w@.-]*$/)?.text.length ?? 0);
      return { from, options, validFor: /^[\w@.-]*$/ };
    }
    if (!text && !context.explicit) return null;
    const found = expressionOptions(guide, state, text, place.line);
    const last = text.split(".").at(-1);
    return found.length ? { from: pos - last.length, options: found, validFor: /^\w*$/ } : null;
  };
}

/** Help at the pointer: what a key means, how a function is called, what an action does. */
export function explainWith(guide) {
  return hoverTooltip((view, position) => {
    const line = view.state.doc.lineAt(position);
    const left = /[\w$]*$/.exec(line.text.slice(0, position - line.from))[0];
    const right = /^[\w$]*/.exec(line.text.slice(position - line.from))[0];
    const word = left + right;
    if (!word) return null;
    const found = helpFor(guide, view.state, position - left.length, word);
    if (!found) return null;
    return {
      pos: position - left.length,
      end: position + right.length,
      above: true,
      create: () => {
        const dom = document.createElement("div");
        dom.className = "editor-help";
        const head = dom.appendChild(document.createElement("code"));
        head.textContent = found.head;
        if (found.text) dom.appendChild(document.createElement("p")).textContent = found.text;
        return { dom };
      },
    };
  });
}

function helpFor(guide, state, position, word) {
  const place = placed(state, position);
  if (!place.inValue) {
    const schemas = schemasAt(guide, state, place);
    const schema = properties(schemas).get(word);
    const text = schema && describe(guide.schema, schema);
    return schema ? { head: word, text: text ?? "" } : null;
  }
  if (place.key === "action") {
    const action = guide.connections[place.siblings.connection?.trim()]?.actions[word];
    return action ? { head: word, text: `${action.effect}${action.undone_by ? `, undone by ${action.undone_by}` : ""}` } : null;
  }
  const called = guide.functions.find((one) => one.label === word);
  return called && state.sliceDoc(position + word.length, position + word.length + 1) === "(" ? { head: called.detail, text: called.info } : null;
}
