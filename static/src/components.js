import { showToast } from "./toasts.js";
import { say } from "./words.js";

/** Alpine components; the CSP build evaluates no strings, so each is named here. */
export function registerComponents(Alpine) {
  Alpine.data("shell", () => ({
    open: false,
    toggle() {
      this.open = !this.open;
      document.documentElement.classList.toggle("nav-open", this.open);
      if (this.open) document.querySelector("#side-nav a")?.focus();
    },
    close() {
      if (this.open) this.toggle();
    },
    get expanded() {
      return this.open ? "true" : "false";
    },
  }));

  Alpine.data("menu", () => ({
    closeOutside(event) {
      if (!this.$el.contains(event.target)) this.$el.open = false;
    },
    closeOnEscape() {
      if (!this.$el.open) return;
      this.$el.open = false;
      this.$el.querySelector("summary").focus();
    },
  }));

  Alpine.data("copy", () => ({
    async copy() {
      await navigator.clipboard.writeText(this.$el.dataset.value);
      showToast(say("copied"));
    },
  }));

  Alpine.data("toast", () => ({
    init() {
      if (this.$el.dataset.tone !== "bad") setTimeout(() => this.$el.remove(), 8000);
    },
    dismiss() {
      this.$root.remove();
    },
  }));

  Alpine.data("theme", () => ({
    async choose(event) {
      event.preventDefault();
      const form = this.$root.closest("form") ?? this.$root;
      const choice = event.target.closest("button").value;
      document.documentElement.dataset.theme = choice;
      form.querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", String(button.value === choice)));
      const body = new FormData(form);
      body.set("theme", choice);
      await fetch(form.action, { method: "POST", body, headers: { "X-Requested-With": "fetch" } });
    },
  }));

  Alpine.data("everything", () => ({
    toggleAll(event) {
      this.$root.querySelectorAll("input[name=selected]").forEach((box) => (box.checked = event.target.checked));
    },
  }));
}
