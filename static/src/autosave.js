// Saves the draft some seconds after the last change; [data-autosave] on the form, [data-save-state] tells how it went.
// Ctrl+S (⌘S) saves as the button does.
const QUIET_MS = 3000;
const MOST_PAUSE_MS = 60_000;

export function mountAutosave(area, saved) {
  const form = area.form;
  form?.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== "s") return;
    event.preventDefault();
    if (form.getAttribute("action")) form.requestSubmit();
  });
  if (!form || !("autosave" in form.dataset)) return;
  const told = document.querySelector("[data-save-state]");
  const words = told?.dataset ?? {};
  let timer = 0;
  let sending = false;
  let conflict = false;
  let failures = 0;

  const tell = (text, tone) => {
    if (!told) return;
    told.textContent = text;
    told.dataset.tone = tone;
  };

  async function save() {
    if (sending) return later();
    const text = area.value;
    const body = new FormData(form);
    body.set("autosave", "yes");
    sending = true;
    tell(words.saving, "run");
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
      const found = answer.headers.get("content-type")?.startsWith("application/json") ? await answer.json() : {};
      conflict = found.conflict ?? false;
      failures = answer.ok || answer.status < 500 ? 0 : failures + 1;
      if (!found.revision) return tell(found.problem ?? words.failed, found.problem && !conflict ? "wait" : "bad");
      for (const input of document.querySelectorAll("input[name=revision]")) input.value = found.revision;
      for (const shown of document.querySelectorAll("[data-revision]")) shown.textContent = found.revision;
      tell(found.told, "ok");
      if (area.value === text) saved();
    } catch {
      failures += 1;
      tell(words.failed, "bad");
    } finally {
      sending = false;
      if (failures) again();
    }
  }

  /** What could not be saved is saved later, without another key; at once where the network is back. */
  function again() {
    clearTimeout(timer);
    timer = setTimeout(save, Math.min(MOST_PAUSE_MS, QUIET_MS * 2 ** failures));
  }
  window.addEventListener("online", () => {
    if (failures) save();
  });

  function later() {
    clearTimeout(timer);
    if (!conflict) timer = setTimeout(save, QUIET_MS);
  }
  area.addEventListener("input", () => {
    if (!conflict) tell(words.unsaved, "wait");
    later();
  });
  form.addEventListener("submit", () => clearTimeout(timer));
}
