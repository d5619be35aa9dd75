// Polled fragments ([data-live]): quiet while the tab is hidden, and opened <details> stay open over a swap.
const opened = new Map();

function openIds(node) {
  return [...node.querySelectorAll("details[id]")].map((item) => [item.id, item.open]);
}

export function startLiveFragments() {
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!event.target.hasAttribute("data-live")) return;
    const busy = event.target.querySelector("dialog[open], details.menu[open]");
    if (document.hidden || busy) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const live = event.detail.target.closest?.("[data-live]");
    if (live?.id) opened.set(live.id, openIds(live));
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const live = event.target.closest?.("[data-live]");
    for (const [id, open] of opened.get(live?.id) ?? []) {
      const item = document.getElementById(id);
      if (item) item.open = open;
    }
    if (live) opened.delete(live.id);
  });
}
