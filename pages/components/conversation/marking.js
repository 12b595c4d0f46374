// The words of a text, marked by mouse or keyboard. Data becomes text nodes, never HTML. Words go by their numbers:
// characters are counted in Python, which counts otherwise than JavaScript.
const WAIT = 450; // ms without a further mark, until Python hears of it
const FAR = 10; // words that an arrow up or down goes

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const same = (a, b) => a.size === b.size && [...a].every((each) => b.has(each));

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".marking");
  const drawn = JSON.stringify([data.pieces, data.name]);
  let state = root.marking;
  if (!state || state.drawn !== drawn) {
    state = root.marking = { drawn, marked: new Set(data.marked), told: new Set(data.marked), at: 0, said: 0 };
    build(root, state);
  } else if (!same(new Set(data.marked), state.told)) { // marked from the list
    state.marked = new Set(data.marked);
    state.told = new Set(data.marked);
  }
  state.data = data;
  state.tell = () => {
    clearTimeout(state.timer);
    state.timer = setTimeout(() => {
      if (same(state.marked, state.told)) return;
      state.told = new Set(state.marked);
      // The time tells it from the last one: Python hears nothing of a value that is as before.
      setStateValue("marked", { words: [...state.marked].sort((a, b) => a - b), at: Date.now() });
    }, WAIT);
  };
  paint(root, state);

  function build(root, state) {
    const line = element("p", { class: "words", dir: "auto", role: "listbox", "aria-multiselectable": "true", "aria-label": data.name });
    let words = 0;
    for (const [piece, isWord] of data.pieces) {
      line.append(isWord
        ? element("span", { class: "word", role: "option", "data-word": words, tabindex: words === 0 ? 0 : -1, "aria-selected": "false" }, piece)
        : element("span", { class: "gap", role: "presentation", "data-before": words }, piece));
      if (isWord) words += 1;
    }
    const all = element("button", { type: "button", class: "all" }, "Mark all");
    const clear = element("button", { type: "button", class: "clear" }, "Clear");
    const said = element("span", { class: "said", role: "status", "aria-live": "polite" });
    root.replaceChildren(line, element("div", { class: "foot" }, said, all, clear));
    state.words = words;
    listen(root, line, state);
    all.onclick = () => change(root, state, between(0, words - 1));
    clear.onclick = () => change(root, state, []);
  }
}

const between = (a, b) => Array.from({ length: Math.abs(a - b) + 1 }, (_, each) => Math.min(a, b) + each);

function change(root, state, marked) {
  state.marked = new Set(marked);
  paint(root, state);
  state.tell();
}

function focus(root, state, number) {
  root.querySelector(`[data-word="${state.at}"]`)?.setAttribute("tabindex", -1);
  state.at = number;
  const word = root.querySelector(`[data-word="${number}"]`);
  word?.setAttribute("tabindex", 0);
  word?.focus();
}

function listen(root, line, state) {
  // A drag marks from its first word to the one below the pointer; one that begins on a mark takes marks away.
  let drag = null;
  const below = (event) => {
    const word = line.getRootNode().elementFromPoint(event.clientX, event.clientY)?.closest("[data-word]");
    return word && line.contains(word) ? +word.dataset.word : null;
  };
  const reach = (number) => {
    const next = new Set(drag.before);
    for (const each of between(drag.from, number)) {
      if (drag.adds) next.add(each); else next.delete(each);
    }
    state.marked = next;
    paint(root, state);
  };
  const drop = () => { if (drag) { drag = null; state.tell(); } };
  line.onpointerdown = (event) => {
    const number = below(event);
    if (number === null || event.button) return;
    event.preventDefault();
    focus(root, state, number);
    drag = { from: number, before: state.marked, adds: !state.marked.has(number) };
    reach(number);
  };
  line.onpointermove = (event) => {
    if (!drag) return;
    const number = event.buttons ? below(event) : null;
    if (!event.buttons) drop();
    else if (number !== null) reach(number);
  };
  line.onpointerup = line.onpointerleave = line.onpointercancel = drop;
  line.addEventListener("focusin", (event) => {
    const number = +(event.target.dataset.word ?? state.at);
    if (number !== state.at) focus(root, state, number);
  });

  line.onkeydown = (event) => {
    const rtl = getComputedStyle(line).direction === "rtl";
    const steps = { ArrowLeft: rtl ? 1 : -1, ArrowRight: rtl ? -1 : 1, ArrowUp: -FAR, ArrowDown: FAR, Home: -state.words, End: state.words };
    const command = event.ctrlKey || event.metaKey;
    if (event.altKey) return;
    if (event.key in steps && !command) {
      const next = Math.max(0, Math.min(state.words - 1, state.at + steps[event.key]));
      if (event.shiftKey) change(root, state, [...state.marked, ...between(state.at, next)]);
      focus(root, state, next);
    } else if (event.key === " " || event.key === "Enter") {
      const next = new Set(state.marked);
      if (!next.delete(state.at)) next.add(state.at);
      change(root, state, next);
    } else if (event.key === "Escape" && state.marked.size) {
      change(root, state, []);
    } else if (event.key.toLowerCase() === "a" && command) {
      change(root, state, between(0, state.words - 1));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
}

function paint(root, state) {
  const data = state.data;
  for (const word of root.querySelectorAll("[data-word]")) {
    word.setAttribute("aria-selected", String(state.marked.has(+word.dataset.word)));
  }
  for (const gap of root.querySelectorAll("[data-before]")) {
    const next = +gap.dataset.before;
    gap.classList.toggle("on", state.marked.has(next - 1) && state.marked.has(next));
  }
  const count = state.marked.size;
  if (data) root.querySelector(".said").textContent = count ? `${count} of ${state.words} words ${data.done}` : data.hint;
  root.querySelector(".clear").disabled = !count;
  root.querySelector(".all").disabled = count === state.words;
}
