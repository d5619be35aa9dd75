// Saves the draft some seconds after the last change; [data-autosave] on the form, [data-save-state] tells how it went.
const QUIET_MS = 3000;

export function mountAutosave(area, saved) {
  const form = area.form;
  if (!form || !("autosave" in form.dataset)) return;
  const told = document.querySelector("[data-save-state]");
  const words = told?.dataset ?? {};
  let timer = 0;
  let sending = false;
  let conflict = false;

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
      if (!found.revision) return tell(found.problem ?? words.failed, found.problem && !conflict ? "wait" : "bad");
      for (const input of document.querySelectorAll("input[name=revision]")) input.value = found.revision;
      for (const shown of document.querySelectorAll("[data-revision]")) shown.textContent = found.revision;
      tell(found.told, "ok");
      if (area.value === text) saved();
    } catch {
      tell(words.failed, "bad");
    } finally {
      sending = false;
    }
  }

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
