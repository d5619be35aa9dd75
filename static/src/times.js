// <time data-relative datetime="…">: keeps "3 min ago" true; the exact time is in the title.
const STEPS = [
  [60, 1, "s"],
  [3600, 60, "min"],
  [86400, 3600, "h"],
  [Infinity, 86400, "d"],
];

/** The same wording as the server's `relative_time`. */
export function relativeTime(then, now) {
  const seconds = Math.round((now - then) / 1000);
  const size = Math.abs(seconds);
  if (size < 5) return "just now";
  const [, unit, name] = STEPS.find(([limit]) => size < limit);
  const text = `${Math.floor(size / unit)} ${name}`;
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

function refresh() {
  if (document.hidden) return;
  const now = Date.now();
  document.querySelectorAll("time[data-relative]").forEach((item) => {
    const text = relativeTime(Date.parse(item.dateTime), now);
    if (item.textContent !== text) item.textContent = text;
  });
}

export function startRelativeTimes() {
  setInterval(refresh, 10_000);
  document.addEventListener("visibilitychange", refresh);
}
