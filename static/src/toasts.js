import { say } from "./words.js";

/** Says something in the toast region; polite, gone after eight seconds unless it is bad news. */
export function showToast(text, tone = "info") {
  const region = document.getElementById("toasts");
  if (!region) return;
  const toast = document.createElement("div");
  toast.className = "toast-note";
  toast.dataset.tone = tone;
  const label = document.createElement("span");
  label.textContent = text;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn-icon-plain";
  button.setAttribute("aria-label", say("dismiss"));
  button.textContent = "×";
  button.addEventListener("click", () => toast.remove());
  toast.append(label, button);
  region.append(toast);
  if (tone !== "bad") setTimeout(() => toast.remove(), 8000);
}
