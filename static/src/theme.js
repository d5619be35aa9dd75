// Runs before the first paint: resolves the "auto" theme and tells the style sheet that scripts run.
const root = document.documentElement;
const prefersDark = matchMedia("(prefers-color-scheme: dark)");

function applyTheme() {
  const choice = root.dataset.theme || "auto";
  root.dataset.bsTheme = choice === "auto" ? (prefersDark.matches ? "dark" : "light") : choice;
}

root.classList.add("js");
applyTheme();
prefersDark.addEventListener("change", applyTheme);
new MutationObserver(applyTheme).observe(root, { attributeFilter: ["data-theme"] });
