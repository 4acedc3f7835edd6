// Puts a drawing on the page, and touches it only where it has changed: nothing jumps, nothing loses its place.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  let board = parentElement.querySelector(":scope > .hw");
  if (!board) {
    board = document.createElement("div");
    board.className = "hw";
    parentElement.appendChild(board);
  }
  board.pick = (value) => setTriggerValue("picked", value);
  if (board.shown !== data.markup) {
    board.shown = data.markup;
    board.innerHTML = data.markup;
    if (board.tip) board.tip.remove();
    board.tip = null;
  }
  if (!board.listens) {
    board.listens = true;
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
    const away = () => { if (board.tip) board.tip.remove(); board.tip = null; };
    board.addEventListener("pointermove", (event) => {
      const found = find(event, "data-tip");
      if (!found) return away();
      if (!board.tip) {
        board.tip = document.createElement("div");
        board.tip.className = "hw-tip";
        board.appendChild(board.tip);
      }
      board.tip.textContent = found.getAttribute("data-tip");
      const { offsetWidth: width, offsetHeight: height } = board.tip;
      const left = Math.min(event.clientX + 14, window.innerWidth - width - 8);
      const top = event.clientY + 18 + height > window.innerHeight ? event.clientY - height - 10 : event.clientY + 18;
      board.tip.style.transform = `translate(${Math.max(left, 8)}px, ${top}px)`;
    });
    board.addEventListener("pointerleave", away);
  }
}
