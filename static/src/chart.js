// uPlot over <div data-chart="id of a JSON script">: {"x": [unix s], "series": [{"label", "tone", "values"}], "unit"}.
import uPlot from "uplot";
import { say } from "./words.js";

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// Day at the first tick and at midnight, else the hour in 24 h.
const CLOCK = [
  [86400, "{YYYY}-{MM}-{DD}", null, null, null, null, null, null, 1],
  [60, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{YYYY}-{MM}-{DD}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", "\n{YYYY}-{MM}-{DD}", null, null, null, null, null, 1],
];

function options(host, spec) {
  const axis = { stroke: colour("--text-muted"), grid: { stroke: colour("--border"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  return {
    width: host.clientWidth,
    height: Number(host.dataset.height ?? 180),
    cursor: { points: { size: 6 } },
    legend: { live: true },
    axes: [{ ...axis, values: CLOCK }, { ...axis, size: 48, values: (_, ticks) => ticks.map((tick) => `${tick}${spec.unit ?? ""}`) }],
    series: [
      { label: say("time") },
      ...spec.series.map(({ label, tone }) => ({
        label,
        stroke: colour(`--tone-${tone}`),
        width: 1.75,
        points: { show: false },
        value: (_, value) => (value == null ? "–" : `${value}${spec.unit ?? ""}`),
      })),
    ],
  };
}

function mount(host) {
  if (host.dataset.mounted) return;
  host.dataset.mounted = "yes";
  const spec = JSON.parse(document.getElementById(host.dataset.chart).textContent);
  const data = [spec.x, ...spec.series.map((item) => item.values)];
  let plot = new uPlot(options(host, spec), data, host);
  new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height: plot.height })).observe(host);
  new MutationObserver(() => {
    plot.destroy();
    plot = new uPlot(options(host, spec), data, host);
  }).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
}

export function mountCharts(node) {
  node.querySelectorAll("[data-chart]").forEach(mount);
}
