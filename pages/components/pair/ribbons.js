// Two texts with ribbons between their words, and a table. Data becomes text nodes and attributes, never HTML.
const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== "") made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

const VERBS = { plus: "helps", minus: "harms", none: "no influence" };
const sign = (score) => (score > 0 ? "plus" : score < 0 ? "minus" : "none");

function text(pieces, side) {
  const line = element("p", { dir: "auto" });
  for (const piece of pieces) {
    if (piece.word < 0) {
      line.append(element("span", { class: "alone" }, piece.text));
      continue;
    }
    const word = element("span", {
      class: `word ${piece.colour ? sign(piece.sign) : "faint"}`,
      "data-word": `${side}${piece.word}`,
      title: piece.title,
      role: "button",
      "aria-pressed": "false",
      tabindex: 0,
      "aria-label": `${piece.title}, ${VERBS[sign(piece.sign)]}`,
    }, piece.text);
    if (piece.colour) word.style.backgroundColor = piece.colour;
    line.append(word);
  }
  return line;
}

function turns(texts, roles, side) {
  return texts.flatMap((pieces, number) => [
    ...(roles[number] ? [element("div", { class: "role" }, roles[number])] : []), text(pieces, side)]);
}

function table(rows) {
  const heads = ["word in both texts", "places", "score", "share", ""];
  const head = element("tr", {}, ...heads.map((name, at) => element("th", { scope: "col", class: at ? "number" : "" }, name)));
  const body = rows.map((row, number) => {
    const name = row.kind === "total" ? element("span", {}, row.name)
      : element("button", { type: "button", "aria-pressed": "false" }, row.name);
    const fill = element("span", { class: `fill ${sign(row.score)}` });
    fill.style.width = `${50 * Math.min(Math.abs(row.bar), 1)}%`;
    return element("tr", { class: row.kind, "data-row": number },
      element("td", {}, name),
      element("td", { class: "number" }, row.count),
      element("td", { class: "number" }, row.shown),
      element("td", { class: "number" }, row.share),
      element("td", { class: "bar" }, ...(row.kind === "total" ? [] : [element("span", { class: "track" }, fill)])));
  });
  return element("table", {}, element("caption", {}, "These rows add up to the score."),
    element("thead", {}, head), element("tbody", {}, ...body));
}

function draw(stage, svg, ribbons) {
  const base = stage.getBoundingClientRect();
  svg.setAttribute("viewBox", `0 0 ${base.width} ${base.height}`);
  svg.replaceChildren();
  ribbons.forEach((ribbon, number) => {
    const from = stage.querySelector(`[data-word="q${ribbon.query}"]`);
    const to = stage.querySelector(`[data-word="t${ribbon.train}"]`);
    if (!from || !to) return;
    const one = [...from.getClientRects()].at(-1), other = to.getClientRects()[0];
    const x1 = (one.left + one.right) / 2 - base.left, y1 = one.bottom - base.top;
    const x2 = (other.left + other.right) / 2 - base.left, y2 = other.top - base.top;
    const bend = Math.max(24, (y2 - y1) / 2);
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", `M${x1} ${y1} C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`);
    path.setAttribute("class", `ribbon ${sign(ribbon.score)}${ribbon.always ? " always" : ""}`);
    path.setAttribute("stroke-width", ribbon.width);
    path.dataset.ribbon = number;
    const name = document.createElementNS(SVG, "title");
    name.textContent = ribbon.title;
    path.append(name);
    svg.append(path);
  });
}

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".pair");
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("aria-hidden", "true");
  const stage = element("div", { class: "stage" }, svg,
    element("section", { "aria-label": data.names[0] }, element("h4", {}, data.names[0]), ...turns(data.query, data.query_roles, "q")),
    element("section", { "aria-label": data.names[1] }, ...turns(data.train, data.train_roles, "t"), element("h4", {}, data.names[1])));
  root.replaceChildren(stage, table(data.rows));
  let pinned = null;

  const touching = (target) => {
    const at = target.closest?.("[data-word],[data-row],[data-ribbon]");
    if (!at) return null;
    const { word, row, ribbon } = at.dataset;
    const found = data.ribbons.map((each, number) => number).filter((number) => {
      const each = data.ribbons[number];
      return word ? word === `q${each.query}` || word === `t${each.train}` : row ? each.row === +row : number === +ribbon;
    });
    return { at, found, row: row === undefined ? null : +row };
  };
  const show = (focus) => {
    root.classList.toggle("focused", focus !== null);
    const ribbons = new Set(focus ? focus.found : []);
    const words = new Set(), rows = new Set(focus && focus.row !== null ? [focus.row] : []);
    for (const number of ribbons) {
      const each = data.ribbons[number];
      words.add(`q${each.query}`).add(`t${each.train}`);
      rows.add(each.row);
    }
    if (focus?.at.dataset.word) words.add(focus.at.dataset.word);
    for (const each of root.querySelectorAll("[data-word]")) each.classList.toggle("on", words.has(each.dataset.word));
    for (const each of root.querySelectorAll("[data-row]")) each.classList.toggle("on", rows.has(+each.dataset.row));
    for (const each of root.querySelectorAll("[data-ribbon]")) each.classList.toggle("on", ribbons.has(+each.dataset.ribbon));
  };
  const pin = (focus) => {
    pinned = focus && pinned?.at !== focus.at ? focus : null;
    for (const each of root.querySelectorAll("[aria-pressed]")) {
      each.setAttribute("aria-pressed", String(pinned !== null && (pinned.at === each || pinned.at === each.closest("[data-row]"))));
    }
    show(pinned);
  };
  root.onpointerover = (event) => { const focus = touching(event.target); if (focus || !pinned) show(focus ?? pinned); };
  root.onpointerleave = () => show(pinned);
  for (const part of root.children) part.addEventListener("focusin", (event) => show(touching(event.target) ?? pinned));
  root.onclick = (event) => pin(touching(event.target));
  root.onkeydown = (event) => {
    if (event.key === "Escape") pin(null);
    if ((event.key === "Enter" || event.key === " ") && event.target.dataset.word) {
      event.preventDefault();
      pin(touching(event.target));
    }
  };
  const redraw = () => { draw(stage, svg, data.ribbons); show(pinned); };
  const watch = new ResizeObserver(redraw);
  watch.observe(stage);
  return () => watch.disconnect();
}
