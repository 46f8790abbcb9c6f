// What the page shows of which run, and its elements.

const $ = id => document.getElementById(id);
const app = { traces: [], i: 0, task: null, mode: "", veil: NEVER, text: null, timer: 0, link: 0, opened: 0, pair: null };

// What comes after the event app.veil is hidden, and nothing leads there: a question is open.
const veiled = () => app.veil < NEVER;

// An element: h("p.dim", { role: "status" }, "words", another).
function h(name, ...parts) {
  const [tag, ...classes] = name.split("."), node = document.createElement(tag), first = parts[0];
  if (classes.length) node.className = classes.join(" ");
  if (first?.constructor === Object) for (const [key, value] of Object.entries(parts.shift())) node.setAttribute(key, value);
  node.append(...parts.filter(part => part || part === 0));
  return node;
}
function button(text, onclick) {
  return Object.assign(h("button", text), { onclick });
}
// Replaces what a panel shows; if a button inside had the keyboard's focus, the same one has it again, or the first.
function fill(id, ...parts) {
  const panel = $(id), had = panel.contains(document.activeElement) && document.activeElement.textContent;
  panel.replaceChildren(...parts.filter(Boolean));
  const buttons = [...panel.querySelectorAll("button")];
  if (had) (buttons.find(button => button.textContent === had) || buttons[0])?.focus();
}
function card(...parts) {
  fill("card", ...parts);
  $("card").hidden = !parts.length;
}
function put(id, words) {
  if ($(id).textContent !== words) $(id).textContent = words;
}
const press = (id, on) => $(id).setAttribute("aria-pressed", on);
