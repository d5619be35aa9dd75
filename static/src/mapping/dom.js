// Small helpers for what the mapping editor draws itself.
const icons = document.querySelector("meta[name=assets]")?.dataset.iconsSrc ?? "";

/** An element with attributes (true: present, false and null: absent; on…: a listener) and children. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else put(node, name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

export function put(node, name, value) {
  if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value === true ? "" : value)) node.setAttribute(name, value === true ? "" : value);
}

/** Text that is set only where it differs, so that nothing is drawn anew for nothing. */
export function tell(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon icon-sm");
  svg.setAttribute("aria-hidden", "true");
  svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "use")).setAttribute("href", `${icons}#${name}`);
  return svg;
}

export function debounced(ms, deed) {
  let timer = 0;
  const later = (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => deed(...values), ms);
  };
  later.cancel = () => clearTimeout(timer);
  return later;
}

/** The arrow keys go from one to the next of what can be focused in a list. */
export function arrows(list, selector, others = {}) {
  list.addEventListener("keydown", (event) => {
    const at = event.target.closest(selector);
    if (!at || event.target !== at || event.ctrlKey || event.metaKey || event.altKey) return;
    const shown = [...list.querySelectorAll(selector)].filter((one) => one.checkVisibility());
    const place = shown.indexOf(at);
    const next = { ArrowDown: shown[place + 1], ArrowUp: shown[place - 1], Home: shown[0], End: shown.at(-1) }[event.key];
    if (next) {
      event.preventDefault();
      next.focus();
    } else if (others[event.key]?.(at)) event.preventDefault();
  });
}
