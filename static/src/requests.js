// What happens around the requests of fragments: they show that they run, that they failed, or that the session ended.
import { showToast } from "./toasts.js";
import { say } from "./words.js";

const assets = document.querySelector("meta[name=assets]")?.dataset ?? {};
let running = 0;

function isLive(event) {
  return event.detail.requestConfig?.elt?.hasAttribute("data-live") ?? event.target.hasAttribute?.("data-live");
}

/** A thin line on top of the page while something other than a poll is under way. */
function count(by) {
  running = Math.max(running + by, 0);
  document.documentElement.toggleAttribute("data-busy", running > 0);
}

function tell(kind) {
  const bar = document.getElementById("connection-lost");
  if (!bar) return;
  if (kind && bar.textContent !== bar.dataset[kind]) bar.textContent = bar.dataset[kind];
  bar.hidden = !kind;
}

/** The session ended: an answer that is (or leads to) the sign-in page is never put into this one. */
function leadsToSignIn(xhr) {
  const page = xhr.responseURL && new URL(xhr.responseURL).pathname;
  return xhr.status === 401 || (page && page === assets.signIn && location.pathname !== page);
}

function toSignIn() {
  location.assign(`${assets.signIn}?next=${encodeURIComponent(location.pathname + location.search)}`);
}

export function startRequests() {
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.defaultPrevented || isLive(event)) return;
    count(1);
    event.detail.target?.setAttribute("aria-busy", "true");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) tell(navigator.onLine ? "" : "offline");
    if (isLive(event)) return;
    count(-1);
    event.detail.target?.removeAttribute("aria-busy");
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!leadsToSignIn(event.detail.xhr)) return;
    event.detail.shouldSwap = false;
    event.detail.isError = false;
    toSignIn();
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (leadsToSignIn(event.detail.xhr)) return;
    if (isLive(event)) tell("silent");
    else showToast(say("refused", { status: event.detail.xhr.status }), "bad");
  });
  document.addEventListener("htmx:sendError", (event) => {
    if (isLive(event)) tell(navigator.onLine ? "silent" : "offline");
    else showToast(say("unreachable"), "bad");
  });
  window.addEventListener("offline", () => tell("offline"));
  window.addEventListener("online", () => tell(""));
}
