// Matches that the server offers: each with its reason and how sure it is; taken one by one or together.
import { el, icon, put, tell } from "./dom.js";
import { say, setup } from "./setup.js";

export function startSuggestions(store, target, { button, host }) {
  let offered = [];

  function accept(chosen) {
    for (const one of chosen) store.edit({ deed: "fill", path: one.steps, value: one.expression, each: one.each }, { quick: false });
    offered = offered.filter((one) => !chosen.includes(one));
    store.send();
    draw();
  }

  function draw() {
    put(host, "hidden", false);
    const title = el("h2", { tabindex: "-1" }, offered.length ? say("suggestions", { count: offered.length }) : say("no_suggestions"));
    const close = el("button", { type: "button", class: "btn btn-small btn-quiet", onclick: () => {
      put(host, "hidden", true);
      button.focus();
    } }, icon("close"), say("close"));
    const all = offered.length > 1 ? el("button", { type: "button", class: "btn btn-small btn-primary", onclick: () => accept(offered) }, icon("check"), say("accept_all")) : null;
    host.replaceChildren(
      el("div", { class: "spread" }, title, el("div", { class: "row-gap" }, all, close)),
      el("ul", { class: "findings" }, offered.map((one) => el("li", {},
        el("div", { class: "grow" },
          el("p", {}, el("span", { class: "strong" }, one.target), " ← ", el("code", {}, one.expression)),
          el("p", { class: "small muted" }, `${one.reasons.join("; ")} · ${say("sure", { percent: Math.round(one.score * 100) })}`)),
        el("button", { type: "button", class: "btn btn-small", onclick: () => accept([one]), "aria-label": say("accept_one", { target: one.target }) }, icon("check"), say("accept"))))),
    );
    title.focus();
  }

  button.addEventListener("click", async () => {
    put(button, "aria-busy", "true");
    try {
      offered = (await store.ask(setup.suggest_url)).suggestions;
      draw();
    } catch {
      put(host, "hidden", false);
      tell(host, say("unreachable"));
    } finally {
      put(button, "aria-busy", null);
    }
  });
}
