// Puts a drawing on the page, and touches it only where it has changed: nothing jumps, nothing loses its place, its
// focus or the words that stand beside the pointer.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  let board = parentElement.querySelector(":scope > .hw");
  if (!board) {
    board = document.createElement("div");
    board.className = "hw";
    parentElement.appendChild(board);
    listen(board);
  }
  board.pick = (value) => setTriggerValue("picked", value);
  if (board.shown === data.markup) return;
  board.shown = data.markup;
  const wanted = document.createElement("template");
  wanted.innerHTML = data.markup;
  const held = board.contains(document.activeElement) ? document.activeElement : null;
  fill(board, wanted.content);
  if (held && held.isConnected && held !== document.activeElement) held.focus({ preventScroll: true });
  board.say();
}

// What is the same row as before is known by its key, everything else by its place.
const keyOf = (node) => (node.getAttribute ? node.getAttribute("data-key") : null);
const isAlike = (old, node) => old.nodeName === node.nodeName && keyOf(old) === keyOf(node);

function fill(parent, wanted) {
  const keyed = new Map();
  for (const old of parent.childNodes) if (keyOf(old)) keyed.set(keyOf(old), old);
  const kept = new Set([...wanted.childNodes].map(keyOf).filter((key) => keyed.has(key)));
  let at = parent.firstChild;
  for (const node of [...wanted.childNodes]) {
    while (at && keyOf(at) && !kept.has(keyOf(at))) at = dropped(at);
    const key = keyOf(node);
    const same = key ? keyed.get(key) : at && isAlike(at, node) ? at : null;
    keyed.delete(key);
    if (!same || !isAlike(same, node)) {
      parent.insertBefore(node, at);
    } else {
      if (same === at) at = at.nextSibling;
      else parent.insertBefore(same, at);
      patch(same, node);
    }
  }
  while (at) at = dropped(at);
}

function dropped(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function patch(old, wanted) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== wanted.data) old.data = wanted.data;
    return;
  }
  for (const name of old.getAttributeNames()) if (!wanted.hasAttribute(name)) old.removeAttribute(name);
  for (const name of wanted.getAttributeNames()) {
    const value = wanted.getAttribute(name);
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  fill(old, wanted);
}

function listen(board) {
  const find = (event, name) => event.target.closest && event.target.closest(`[${name}]`);
  board.addEventListener("click", (event) => {
    const found = find(event, "data-pick");
    if (found) board.pick(found.getAttribute("data-pick"));
  });
  board.addEventListener("keydown", (event) => {
    const found = find(event, "data-pick");
    if (found && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      board.pick(found.getAttribute("data-pick"));
    }
  });
  let tip = null;
  let over = null;
  const away = () => {
    if (tip) tip.remove();
    tip = over = null;
  };
  board.say = () => {
    if (!tip) return;
    const words = over.isConnected && over.getAttribute("data-tip");
    if (!words) away();
    else if (tip.textContent !== words) tip.textContent = words;
  };
  board.addEventListener("pointermove", (event) => {
    over = find(event, "data-tip");
    if (!over) return away();
    if (!tip) {
      tip = document.createElement("div");
      tip.className = "hw-tip";
      board.parentElement.appendChild(tip);
    }
    board.say();
    const { offsetWidth: width, offsetHeight: height } = tip;
    const left = Math.min(event.clientX + 14, window.innerWidth - width - 8);
    const top = event.clientY + 18 + height > window.innerHeight ? event.clientY - height - 10 : event.clientY + 18;
    tip.style.transform = `translate(${Math.max(left, 8)}px, ${top}px)`;
  });
  board.addEventListener("pointerleave", away);
}
