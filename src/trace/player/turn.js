// The panels under the timeline: one turn in its four boxes, the source, the tasks, and why this runs now.

const dim = (...words) => h("p.dim", ...words);
const title = (text, note) => h("h3.line", text + " ", h("small", note));
const chip = (text, i, kind = "") => i > app.veil ? h("span.chip", text) : h("button.chip" + kind, { "data-go": i }, text);
const cap = (all, most = 40) => all.length > most + 1 ? [...all.slice(0, most), h("span.dim", `and ${all.length - most} more`)] : all;

function showTurn() {
  const { i } = app, { kind, a, b, flag } = tr, turn = tr.turns[upTo(tr.turns, i)], now = tr.box[i];
  put("turn-h", turn ? "Turn " + turn.number : tr.hasLoop ? "Before the first turn" : "Who does what");
  if (!tr.hasLoop) return fill("turn", h("table", ...tr.tracks.map(({ name, bars }) => {
    const does = alive(bars, i).at(-1);
    return h("tr", h("td", name), h("td", does ? `${does.text}, for ${span(tr.t[i] - tr.t[does.b])}` : ""));
  })));
  const poll = turn?.poll, slept = poll && took(poll), ready = turn ? b[turn.b] : 0, ran = [], woke = [];
  let begin = i;
  for (let j = turn ? turn.b : i + 1; j <= i && j < turn.e; j++) {
    const k = kind[j];
    if (tr.box[j] === 3) {
      if (k === K.IO_EVENT) woke.push([chip(sourceName(j, a[j]) + " " + ["", "R", "W", "RW"][flag[j] & 3], j)]);
      if (k === K.TIMER_FIRE) woke.push([chip("timer " + a[j], j)]);
      if (k === K.OFFLOAD_DONE) woke.push([chip("job " + a[j], j)]);
      if (k === K.READY) (woke.at(-1) || woke[woke.push([]) - 1]).push(" → ", chip(who(j, a[j]), j, ".q"));
    } else if (tr.box[j] === 4) {
      begin = min(begin, j - 1);
      if (k !== K.STEP_BEGIN && k !== K.CB_RUN) continue;
      const run = tr.runs[upTo(tr.runs, j)];
      ran.push(run.e > i ? chip(nameOf(run) + " ✎", j, ".r") : chip(nameOf(run) + (run.task && run.task.e === run.e ? " ✓" : ""), j, run.slow ? ".wrong" : ".dim"));
    }
  }
  // What stood in the queue when step 4 began runs in this turn; what joined later, in the next.
  const queue = alive(tr.items, i), chips = late => queue.filter(item => late === item.b > begin).map(item => chip(itemName(item), item.b, item.what === "task" ? ".q" : ""));
  const first = chips(false), next = chips(true);
  const why = !turn ? "" : veiled() && (poll ? poll.e > app.veil : now < 4) ? "?" : poll ? capital(maySleep(poll, ready)) : ready ? "Not at all, and the kernel is not asked: the loop is busy" : "…";
  const box = (n, name, ...inner) => h(now === n ? "li.box.now" : "li.box", now === n && { "aria-current": "step" }, h("b", n), h("h3", name), h("p", ...inner));
  fill("turn",
    h("ol.boxes",
      box(1, "May I sleep?", why),
      box(2, "Ask the kernel", !poll || poll.b > i ? "" : poll.e > app.veil ? "?" : poll.e > i ? "asleep …" : slept > 1e4 ? "slept " + span(slept) : "asked, did not sleep"),
      box(3, "Wake", ...woke.length ? cap(woke.map(all => h("span", ...all)), 5) : [now > 3 ? "nobody" : ""]),
      box(4, "Run the ready", ...ran.length > 10 ? [`${ran.length - 9} others, then`, ...ran.slice(-9)] : ran)),
    title("Ready queue", "first in, first out"),
    h("p.queue", ...first.length ? cap(first) : [h("span.dim", "empty")], ...next.length ? [h("span.dim", " · next turn: "), ...cap(next)] : []),
    h("div.two", showTimers(i), showSources(i), tr.queues[0] && showQueues(i)));
}
const list = (name, live, row) => h("div", title(name, live.length), h("table", ...live.slice(0, 8).map(life => h("tr", ...row(life).map(cell => h("td", cell))))));
const showTimers = i => list("Timers", timersAt(i), ({ id, b, due, task }) => [chip(id, b), span(due), "→ " + (task ? short(task) : "callback")]);
function showSources(i) {
  const live = alive(tr.interests, i), waiting = {};
  for (const task of alive(tr.tasks, i)) {
    const wait = waitAt(task, i), what = wait < 0 ? "" : { [WAIT.read]: "R", [WAIT.write]: "W" }[tr.flag[wait]];
    if (what) waiting[tr.b[wait]] = `${waiting[tr.b[wait]] || ""} ${what} → ${short(task)}`;
  }
  live.sort((p, q) => (q.id in waiting) - (p.id in waiting));
  return list("I/O interests", live, ({ id, b }) => [chip(sourceName(i, id), b), waiting[id] || "idle"]);
}
const showQueues = i => list("Queues", alive(tr.queues, i), queue => [chip("queue " + queue.id, queue.b), h("meter", { value: held(queue, i), max: queue.most }), holds(queue, i)]);

// The place that event i itself names.
function ownLoc(i) {
  const { kind, a, c } = tr, k = kind[i];
  return k === K.BLOCK_BEGIN ? a[i] : [K.TASK_SPAWN, K.WAIT, K.CB_ADD, K.OFFLOAD, K.THREAD_BEGIN, K.PROC_BEGIN, K.JOIN_BEGIN].includes(k) ? c[i] : 0;
}
// The line at which the moment stands.
function locOf(i) {
  const run = runAt(i), item = itemAt(i), waited = item?.of.spans && holding(item.of.spans, i - 1), { loop, bars } = tr.tracks[tr.track[i]];
  if (ownLoc(i)) return ownLoc(i);
  if (!loop) return bars.findLast(bar => bar.b <= i && bar.e >= i && bar.loc)?.loc || 0;
  if (item) return waited?.wait >= 0 ? tr.c[waited.wait] : 0;
  for (let j = i; run && j > run.b; j--) if (ownLoc(j)) return ownLoc(j);
  return !run ? 0 : run.wait >= 0 && tr.c[run.wait] || (run.task || run.callback).loc;
}
const RUST = /(\/\/.*|\x22(?:[^\x22\\]|\\.)*\x22|\b(?:async|await|fn|let|mut|move|pub|use|mod|struct|impl|for|in|if|else|match|loop|while|return|self)\b)/;
const coloured = text => text.split(RUST).map((part, at) => at % 2 ? h("span." + ({ "/": "dim", "\x22": "right" }[part[0]] || "kw"), part) : part);
function showSource() {
  const { i } = app, run = runAt(i), { src, loc } = tr.doc, place = locOf(i), names = new Map();
  let before = i; // without a line of its own the moment shows where the last one was
  while (!place && before > 0 && (!ownLoc(before) || tr.kind[before] === K.CB_ADD)) before--;
  const [file, row] = loc[place || ownLoc(before)], name = file || Object.keys(src)[0] || loc.find(([file]) => file)?.[0], text = src[name];
  put("source-h", name ? lastOf(name, "/") : "Source");
  if (app.text !== text || text === undefined) fill("source", text === undefined ? dim(!name ? "This run has no source." : `${name}${row ? ":" + row : ""} is not shown: ` + (/^(\/|\w:)/.test(name) ? "it lies outside the project, and only the project's own files are put into a trace." : "the file could not be read from the folder in which the program ran. Run it in the folder of its Cargo.toml.")) : h("ol", ...text.split("\n").map(line => h("li", h("i"), h("code", ...coloured(line))))));
  app.text = text;
  if (text === undefined) return;
  const lines = $("source").firstChild.children, mark = (at, kind, text) => {
    const line = lines[at - 1];
    if (!line) return;
    line.className += " " + kind;
    line.firstChild.textContent = text;
    return line;
  };
  for (const line of lines) if (line.className) line.className = line.firstChild.textContent = "";
  for (const task of alive(tr.tasks, i)) {
    const wait = waitAt(task, i), [where, at] = loc[wait < 0 ? 0 : tr.c[wait]];
    if (where === name) names.set(at, [...names.get(at) || [], short(task)]);
  }
  for (const [at, all] of names) mark(at, "sleeps", "~ " + (all.length > 2 ? `${all[0]} +${all.length - 1}` : all.join(" ")));
  const here = place ? mark(row, "here", "▶ " + (run?.e > i ? nameOf(run) : "")) : lines[row - 1];
  if (here) $("source").scrollTop = here.offsetTop - $("source").clientHeight / 2.5;
}

function showTasks() {
  const { i } = app, live = alive(tr.tasks, i), ended = upTo(tr.tasks, i) + 1 - live.length, shown = new Set(live);
  let left = 60;
  function item(task) {
    if (left-- <= 0) return null;
    const s = stateAt(task, i), state = holding(task.spans, i), word = { q: "ready", r: "running", "~": "waiting" }[s];
    const what = s === "~" ? waitText(state.wait, i) : s === "q" ? "ready for " + span(tr.t[i] - tr.t[state.b]) : s === "r" ? "has the pen" : "";
    const under = task.children.filter(child => shown.has(child)).map(item).filter(Boolean);
    return h("li", h(task === app.task ? "button.task.chosen" : "button.task", { "data-task": tr.tasks.indexOf(task) },
      h("b.state.s" + "qr~".indexOf(s), { role: "img", "aria-label": word }, s), h("span", task.full && { title: task.full }, short(task)), h("em", coroOf(task)), h("small", what)), under.length ? h("ul", ...under) : null);
  }
  const tree = live.filter(task => !shown.has(task.parent)).map(item).filter(Boolean);
  fill("tasks", tree.length ? h("ul", ...tree) : "", dim([tree.length ? "" : "No task is alive", left < 0 ? -left + " more alive" : "", ended ? ended + " ended" : ""].filter(Boolean).join(", ")));
}

function showWhy() {
  const { i } = app, run = runAt(i), hurt = run?.slow && !veiled() ? victims(run) : null, chain = whyChain(i), words = view.showPath && !veiled() ? view.links ||= pathWords() : [];
  const links = (kind, all) => h("ol.chain" + kind, ...cap(all.map(({ i, text, loc }) => h("li", h("button.link", { "data-go": i }, text), h("small", at(loc)))), 14));
  fill("why",
    hurt && h("div.blame", h("h3", nameOf(run) + blocks(run) + ". ", h("small", "Late, in all:")), h("ul", ...cap(hurt.map(({ i, name, text, late }) => h("li", chip(name, i), ` ${text}: `, h("b", span(late) + " late"))), 8), ...cap(foundReady(run).map(j => h("li", chip(sourceName(j, tr.a[j]), j), " ready when the loop asked next")), 8))),
    chain.length ? links("", chain) : dim(veiled() ? "…" : tr.box[i] === 2 ? "Nobody can run: the loop is asleep." : "The loop itself is at work, between two steps."),
    words.length && title("Critical path", "why it took " + span(tr.total)), words.length && links(".path", words));
}
