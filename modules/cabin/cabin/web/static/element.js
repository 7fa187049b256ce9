// Elements without a word of HTML in a string: Trusted Types let no such string in.

/** `h("button", {class: "x", onclick: f}, "text", child)`; a null child is left out. */
export function h(name, given = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((one) => one !== null));
  return made;
}

/** A picture of the page's own, from paths that stand in `icons.js`. */
export function icon(paths) {
  const space = "http://www.w3.org/2000/svg";
  const made = document.createElementNS(space, "svg");
  made.setAttribute("viewBox", "0 0 24 24");
  made.setAttribute("aria-hidden", "true");
  for (const path of paths) {
    const line = document.createElementNS(space, "path");
    line.setAttribute("d", path);
    made.append(line);
  }
  return made;
}

/** Text is written only where it changed: a screen reader, and the tests, see changes and nothing else. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The children of `parent` anew, only if what they show is other than before; the focus stays on the same key. */
export function redraw(parent, shown, build) {
  const signature = JSON.stringify(shown);
  if (parent.signature === signature) return;
  const key = parent.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  const top = parent.scrollTop;
  parent.signature = signature;
  parent.replaceChildren(...build());
  parent.scrollTop = top;
  if (key !== undefined) parent.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}
