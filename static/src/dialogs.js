// <a data-dialog-open="id" href="?dialog=id"> opens <dialog id="id">; without scripts the link renders it open.
export function showDialog(dialog) {
  if (!dialog || dialog.open) return;
  show(dialog);
  dialog.dispatchEvent(new CustomEvent("opened", { bubbles: true }));
}

/** The first field is where a person goes on, not the button that closes. */
function show(dialog) {
  dialog.showModal();
  dialog.querySelector(".dialog-body :is(input:not([type=hidden]), select, textarea)")?.focus();
}

export function startDialogs() {
  document.querySelectorAll("dialog[open]").forEach((dialog) => {
    dialog.close();
    show(dialog);
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog-open]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.dialogOpen);
      if (!dialog) return;
      event.preventDefault();
      opener.closest("dialog")?.close();
      showDialog(dialog);
      return;
    }
    const closer = event.target.closest("[data-dialog-close]");
    if (closer) {
      event.preventDefault();
      closer.closest("dialog").close();
    }
  });
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button || event.defaultPrevented || button.hasAttribute("data-again")) return;
    setTimeout(() => button.setAttribute("disabled", ""), 0);
  });
}
