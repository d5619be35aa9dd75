// Who else has this document open, and whether somebody saved in between; asked for while the tab is seen.
import { put, tell } from "./dom.js";
import { say, setup } from "./setup.js";

const EVERY_MS = 8000;

export function startPresence(host) {
  if (!setup.presence_url) return;
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;

  async function ask() {
    if (document.hidden) return;
    const body = new FormData();
    body.set("csrfmiddlewaretoken", token);
    try {
      const answer = await fetch(setup.presence_url, { method: "POST", body, headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const { others, revision, saved_by: by } = await answer.json();
      const own = Number(document.querySelector("input[name=revision]").value);
      const said = [];
      if (others.length) said.push(say("editing", { names: others.join(", ") }));
      if (revision > own) said.push(say("moved_on", { revision, by: by || say("somebody") }));
      tell(host, said.join(" "));
      put(host, "hidden", !said.length);
      put(host, "data-tone", revision > own ? "bad" : "wait");
    } catch {
      // The next question tells; that the server is away is said where something is saved.
    }
  }
  ask();
  setInterval(ask, EVERY_MS);
  document.addEventListener("visibilitychange", ask);
}
