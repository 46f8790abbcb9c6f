// How buttons, keys and links change which run and which moment are shown.

// Goes to a step, counted from 0; not behind the veil.
function go(step) {
  app.i = tr.stop[max(0, min(tr.stop.length - 1, step | 0, tr.stopOf[app.veil] ?? NEVER))];
  follow();
  show();
}
const goTo = i => go(tr.stopOf[min(i, tr.n - 1)]);
function show() {
  if ($("player").hidden) return showCompare();
  const { i } = app, turn = tr.turns[upTo(tr.turns, i)], said = say(i), run = runAt(i);
  put("where", `${turn ? `turn ${turn.number} · ` : ""}step ${tr.stopOf[i] + 1} of ${tr.stop.length} · ${span(tr.t[i])}`);
  // How long the loop may sleep, it may have to be asked.
  put("say", veiled() && tr.box[i] < 3 ? /^[^.,]*/.exec(said)[0] + "." : said);
  $("say").className = run?.slow && !veiled() ? "wrong" : "";
  root.classList.toggle("veiled", veiled()); // comments in the source, too: examples say there what to expect
  for (const part of [drawTimeline, showTurn, showSource, showTasks, showWhy]) part();
  $("more").hidden = tr.tasks.length <= FEW + 4;
  put("more", view.expanded ? "fewer rows" : `all ${tr.tasks.length} tasks`);
  press("path", view.showPath);
  clearTimeout(app.link);
  app.link = setTimeout(() => history.replaceState(null, "", `#${app.traces[1] ? `trace=${app.traces.indexOf(tr) + 1}&` : ""}step=${tr.stopOf[i] + 1}${app.task ? "&task=" + app.task.id : ""}`), 90);
}
// Shows the player for one run, or the comparison of all.
function enter(trace) {
  stop();
  clearTimeout(app.link);
  app.veil = NEVER;
  $("player").hidden = $("predict").hidden = !trace;
  $("game").hidden = !trace?.hasLoop;
  root.classList.toggle("bare", !trace?.hasLoop);
  $("compare").hidden = !!trace;
  $("all").hidden = !trace || !app.traces[1];
  put("title", trace ? trace.doc.title : app.traces[0]?.doc.command || "glassloop");
  document.title = $("title").textContent + " · glassloop";
  put("facts", trace ? `${span(trace.total)} · ${trace.hasLoop ? `${many(trace.turns.length, "turn")} · ${many(trace.tasks.length, "task")} · ` : ""}${facts(trace)}` : "");
}
function open(trace) {
  tr = trace;
  enter(trace);
  Object.assign(app, { i: 0, task: null, text: null });
  $("blocked").hidden = !tr.slow.length;
  put("blocked", "! " + many(tr.slow.length, "blocked step"));
  $("head").setAttribute("aria-label", `Timeline. ${$("facts").textContent}. Each step is said in words below.`);
  openTimeline();
  setMode("");
}
function openCompare() {
  enter(null);
  history.replaceState(null, "", "#");
  showCompare();
}
function setMode(mode) {
  app.mode = mode;
  app.veil = NEVER;
  press("predict", mode === "predict");
  press("game", mode === "game");
  card();
  if (mode) ({ predict: startQuiz, game: startGame })[mode](); else show();
}
// A link: #step=37&task=3, with trace=2 where there are several.
function readLink() {
  const link = new URLSearchParams(location.hash.slice(1)), trace = app.traces[app.traces[1] ? link.get("trace") - 1 : 0];
  if (!trace) return openCompare();
  if (tr !== trace || $("player").hidden) open(trace);
  app.task = tr.tasks.find(task => task.id === +link.get("task")) || null;
  go(link.get("step") - 1);
}
function search(text, back) {
  const wanted = text.trim().toLowerCase(), [, word, number, unit] = /^(turn|step)?\s*([\d.]+)\s*(m?s|[µu]s)?$/.exec(wanted) || [], steps = tr.stop.length;
  if (word === "step") return go(number - 1);
  if (number) {
    const i = word ? tr.turns.find(turn => turn.number >= number)?.b : tr.t.findIndex(t => t >= number * ({ ms: 1e6, s: 1e9 }[unit ?? "s"] || 1e3));
    return go(i >= 0 ? tr.stopOf[i] : steps);
  }
  for (let k = 1; wanted && k <= steps; k++) {
    const s = (tr.stopOf[app.i] + (back ? steps - k : k)) % steps;
    if (say(tr.stop[s]).replace(/[\u2068\u2069]/g, "").toLowerCase().includes(wanted)) return go(s);
  }
  put("say", `No step says “${text}”.`);
}
function stop() {
  clearInterval(app.timer);
  app.timer = 0;
  press("run", false);
}
function run() {
  app.timer = setInterval(() => app.i < tr.stop.at(-1) ? step(1) : stop(), 600);
  press("run", true);
}
function byTurn(by) {
  const turn = tr.turns[by < 0 ? upTo(tr.turns, app.i - 1) : upTo(tr.turns, app.i) + 1];
  goTo(turn ? turn.b : by < 0 ? 0 : tr.n - 1);
}
const step = by => go(tr.stopOf[app.i] + by);
const draw = act => () => { act(); show(); };
const KEYS = {
  ArrowLeft: () => step(-1), "Shift+ArrowLeft": () => byTurn(-1), Home: () => go(0), "/": () => $("search").focus(), "?": () => $("help-text").showModal(),
  "+": draw(() => zoom(2)), "-": draw(() => zoom(0.5)), 0: draw(() => zoom(0)), c: draw(() => view.showPath = !view.showPath), a: draw(() => view.expanded = !view.expanded),
  ArrowRight: () => step(1), "Shift+ArrowRight": () => byTurn(1), End: () => go(tr.stop.length), " ": () => app.timer ? stop() : run(),
  b: () => tr.slow.length && goTo((tr.slow.find(run => min(run.e, tr.n - 1) > app.i) || tr.slow[0]).e),
};
function act(key) {
  const does = KEYS[key];
  if (does) does();
  return !!does;
}
function listen() {
  document.onclick = ({ target }) => {
    const names = ["go", "key", "task", "trace"], at = target.closest(names.map(name => `[data-${name}]`)), [i, key, of, which] = names.map(name => at?.dataset[name]);
    if (which) open(app.traces[which - 1]);
    if (i) goTo(i);
    else if (key) act(key);
    else if (of) draw(() => app.task = tr.tasks[of])();
  };
  document.onkeydown = event => {
    const { key, shiftKey, target } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || /INPUT|SELECT/.test(target.tagName) || $("player").hidden && key !== "?" || key === " " && target.tagName === "BUTTON") return;
    if (act((shiftKey && key.startsWith("Arrow") ? "Shift+" : "") + key)) event.preventDefault();
  };
  $("search").onkeydown = ({ key, shiftKey, target }) => {
    if (key === "Enter") search(target.value, shiftKey);
    if (key === "Escape") target.blur();
  };
  $("axis").onchange = ({ target }) => draw(() => { setAxis(target.value); follow(); })();
  $("head").onclick = event => clickTimeline(event);
  $("body").onclick = ({ offsetX, offsetY }) => clickTimeline({ offsetX, offsetY: offsetY + $("rows").scrollTop }, true);
  $("rows").onscroll = drawBody;
  $("all").onclick = openCompare;
  for (const mode of ["predict", "game"]) $(mode).onclick = () => setMode(app.mode === mode ? "" : mode);
  $("help-text").onclick = () => $("help-text").close();
  const dark = matchMedia("(prefers-color-scheme: dark)"), scheme = name => {
    root.dataset.theme = name;
    put("theme", name === "dark" ? "☀" : "☾");
    readColours();
    if (tr || app.opened) show();
  };
  dark.onchange = () => scheme(dark.matches ? "dark" : "light");
  dark.onchange();
  $("theme").onclick = () => scheme(root.dataset.theme === "dark" ? "light" : "dark");
  onresize = () => show();
  onhashchange = readLink;
}
const began = performance.now(), file = JSON.parse($("trace").textContent);
app.traces = (file.traces || [file]).filter(({ tracks, ev }) => tracks[0] && ev.length).map(readTrace);
// The loops of one program are told apart by numbers.
const titles = app.traces.map(trace => trace.doc.title);
titles.forEach((title, at) => titles.indexOf(title) !== titles.lastIndexOf(title) && (app.traces[at].doc.title += " " + (at + 1)));
listen();
readLink();
app.opened = performance.now() - began;
