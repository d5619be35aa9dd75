// What an expression may say here: places of the source, functions, variables; and what a function means.
import { guide, say } from "./setup.js";
import { expressionOf } from "./store.js";

const called = new Map(guide.functions.map((one) => [one.label, one]));

export function completions(store, field) {
  return (context) => {
    const word = context.matchBefore(/[\w.[\]"]*$/);
    if (!word?.text && !context.explicit) return null;
    const { names = {} } = field();
    const inside = names[word.text.split(/[.[]/)[0]] !== undefined;
    const places = store.data.source.map((place) => ({
      label: expressionOf(place.path, names),
      type: "property",
      detail: place.values[store.chosen] ?? place.type,
      info: place.doc || undefined,
      boost: Object.values(names).some((at) => at && place.path.startsWith(`${at}.`)) ? 2 : 1,
    }));
    const others = [
      ...Object.keys(names).map((label) => ({ label, type: "variable" })),
      ...(guide.variables ?? []).map((name) => ({ label: `vars.${name}`, type: "constant" })),
      ...["now", "run.id"].map((label) => ({ label, type: "variable" })),
    ];
    const functions = word.text.includes(".") ? [] : guide.functions.map((one) => ({ ...one, type: "function", apply: (view, _, from, to) => {
      view.dispatch({ changes: { from, to, insert: `${one.label}()` }, selection: { anchor: from + one.label.length + 1 } });
    } }));
    return { from: word.from, options: [...places, ...others, ...(inside ? [] : functions)], validFor: /^[\w.[\]"]*$/ };
  };
}

/** Help for a word of an expression; null where there is none. */
export function helpAt(word, isCalled) {
  const found = called.get(word);
  if (found && isCalled) return { head: found.detail, text: found.info };
  return ["now", "run", "vars", "source", "loop"].includes(word) ? { head: word, text: say(`name_${word}`) } : null;
}
