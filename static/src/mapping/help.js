// What an expression may say here: places of the source, functions, lookups, variables; and what a word means.
import { guide, say, setup } from "./setup.js";
import { expressionOf } from "./store.js";

const called = new Map(guide.functions.map((one) => [one.label, one]));
const slugOf = (reference) => String(reference).split("@")[0];

/** The lookups and functions of the workspace under the names that the document gives them, or would. */
export function library(store) {
  const named = { lookups: {}, functions: {}, ...store.data.named };
  const found = (setup.library ?? []).map((one) => {
    const names = named[`${one.kind}s`];
    const own = Object.keys(names).find((name) => slugOf(names[name]) === slugOf(one.reference));
    let { name } = one;
    for (let number = 2; !own && name in names; number += 1) name = `${one.name}_${number}`;
    return { ...one, name: own ?? name, reference: own ? names[own] : one.reference, declared: Boolean(own) };
  });
  const known = new Set(found.filter((one) => one.declared).map((one) => `${one.kind} ${one.name}`));
  for (const kind of ["lookup", "function"]) {
    for (const [name, reference] of Object.entries(named[`${kind}s`])) {
      if (!known.has(`${kind} ${name}`)) found.push({ kind, name, reference, declared: true, told: "", doc: "", columns: [] });
    }
  }
  return found;
}

/** Writes a name into the document's lookups or functions, where it does not stand yet. */
export function declare(store, one) {
  if (!one.declared) store.edit({ deed: "set", path: [...(setup.base ?? []), `${one.kind}s`, one.name], value: one.reference }, { quick: false });
}

export function callOf(one) {
  return one.kind === "lookup" ? `lookup('${one.name}', )` : `${one.name}()`;
}

/** The name of a lookup between its quotes; the key is what comes next. */
function nameInQuotes(store, one) {
  return (view, _, from, to) => {
    const closed = view.state.sliceDoc(to, to + 1) === "'";
    const insert = `${one.name}', `;
    view.dispatch({ changes: { from, to: to + (closed ? 1 : 0), insert }, selection: { anchor: from + insert.length } });
    declare(store, one);
  };
}

function offered(store, insertCall) {
  return library(store).map((one) => {
    const [name, first] = one.kind === "lookup" ? ["lookup", `'${one.name}', `] : [one.name, ""];
    return {
      label: one.kind === "lookup" ? `lookup('${one.name}')` : one.name,
      type: one.kind === "lookup" ? "enum" : "function",
      detail: `${one.reference}${one.told ? `  ${one.told}` : ""}`,
      info: one.doc || undefined,
      boost: one.declared ? 1 : 0,
      apply: (view, _, from, to) => {
        declare(store, one);
        insertCall(view, from, to, name, first);
      },
    };
  });
}

export function completions(store, field, insertCall) {
  return (context) => {
    const named = context.matchBefore(/lookup\(\s*'\w*$/);
    if (named) {
      const lookups = library(store).filter((one) => one.kind === "lookup");
      const from = named.from + named.text.indexOf("'") + 1;
      return { from, validFor: /^\w*$/, options: lookups.map((one) => ({ label: one.name, type: "enum", detail: `${one.reference}  ${one.told}`, info: one.doc || undefined, apply: nameInQuotes(store, one) })) };
    }
    const row = context.matchBefore(/lookup\('\w+',[^()]*\)\.\w*$/);
    if (row) {
      const found = library(store).find((one) => one.kind === "lookup" && one.name === /'(\w+)'/.exec(row.text)[1]);
      return { from: row.from + row.text.lastIndexOf(".") + 1, validFor: /^\w*$/, options: (found?.columns ?? []).map((label) => ({ label, type: "property" })) };
    }
    const word = context.matchBefore(/[\w.[\]"]*$/);
    if (!word?.text && !context.explicit) return null;
    const { names = {} } = field();
    const inside = names[word.text.split(/[.[]/)[0]] !== undefined;
    const places = store.data.source.map((place) => ({
      label: expressionOf(place.path, names),
      type: "property",
      detail: place.values[store.chosen] ?? place.type,
      info: [place.doc, termOf(store, place)].filter(Boolean).join("\n") || undefined,
      boost: Object.values(names).some((at) => at && place.path.startsWith(`${at}.`)) ? 2 : 1,
    }));
    const others = [
      ...Object.keys(names).map((label) => ({ label, type: "variable" })),
      ...(guide.variables ?? []).map((name) => ({ label: `vars.${name}`, type: "constant" })),
      ...["now", "run.id"].map((label) => ({ label, type: "variable" })),
    ];
    const functions = word.text.includes(".") ? [] : [
      ...guide.functions.map((one) => ({ ...one, type: "function", apply: (view, _, from, to) => insertCall(view, from, to, one.label, "") })),
      ...offered(store, insertCall),
    ];
    return { from: word.from, options: [...places, ...others, ...(inside ? [] : functions)], validFor: /^[\w.[\]"]*$/ };
  };
}

/** Help for a word of an expression; null where there is none. */
export function helpAt(store, word, isCalled) {
  const found = called.get(word);
  if (found && isCalled) return { head: found.detail, text: found.info };
  if (word === "lookup" && isCalled) return { head: "lookup('name', key, default)", text: say("name_lookup") };
  const own = library(store).find((one) => one.name === word && (one.kind === "function" ? isCalled : !isCalled && one.declared));
  if (own) return { head: own.kind === "function" ? own.told || own.name : `${own.name}: ${own.told}`, text: `${own.reference}. ${own.doc}` };
  return ["now", "run", "vars", "source", "loop"].includes(word) ? { head: word, text: say(`name_${word}`) } : null;
}

/** The term of the glossary that a place or a field means, on one line; "" for none. */
export function termOf(store, one) {
  const term = store.data.terms?.[one.term];
  return term ? say("term", { title: term.title, text: term.text }) : "";
}
