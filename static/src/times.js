// <time data-relative datetime="…">: keeps "3 min ago" true; the exact time is in the title.
import { say } from "./words.js";

const STEPS = [
  [60, 1, "second"],
  [3600, 60, "minute"],
  [86400, 3600, "hour"],
  [Infinity, 86400, "day"],
];

/** The same wording as the server's `relative_time`. */
export function relativeTime(then, now) {
  const seconds = Math.round((now - then) / 1000);
  const size = Math.abs(seconds);
  if (size < 5) return say("now");
  const [, unit, name] = STEPS.find(([limit]) => size < limit);
  const amount = `${Math.floor(size / unit)} ${say(name)}`;
  return seconds < 0 ? say("in", { amount }) : say("ago", { amount });
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
