// The timeline: axis, the one pen, kernel and curve stay on top; below them a row for each task, thread and process.

const view = { axis: null, from: 0, to: 1, rows: [], expanded: false, path: [], links: null, showPath: true, width: 0, left: 0 };
const ROW = 20, FEW = 9, PEN = 44, KERNEL = 62, RIGHT = 20;
const curveTop = () => tr.hasLoop ? 76 : 30;

function openTimeline() {
  view.expanded = tr.tasks.length <= FEW + 4;
  view.path = criticalPath();
  view.links = null;
  setAxis(defaultAxis());
}
function setAxis(mode) {
  Object.assign(view, { axis: makeAxis(mode), from: 0, to: 1 });
  $("axis").value = mode;
}
const wide = () => view.width - view.left - RIGHT;
const X = i => view.left + (view.axis.x[min(i, tr.n - 1)] - view.from) / (view.to - view.from) * wide();
function atX(px) { // the last event at or before that place
  const x = view.from + (px - view.left) / wide() * (view.to - view.from);
  return max(0, last(tr.n, i => view.axis.x[i] <= x));
}
const seen = px => min(view.width - RIGHT, max(view.left, px)), seenAt = i => seen(X(i));

// Zooms around the moment, and keeps it in sight.
function zoom(factor) {
  const size = min(1, max(1e-9, (view.to - view.from) / factor)), at = view.axis.x[app.i];
  scroll(at - size * min(1, max(0, (at - view.from) / (view.to - view.from))), size);
}
function follow() {
  const at = view.axis.x[app.i], size = view.to - view.from;
  if (at < view.from + size * 0.02 || at > view.to - size * 0.02) scroll(at - size / 3, size);
}
function scroll(from, size) {
  view.from = min(1 - size, max(0, from));
  view.to = view.from + size;
}

// Which rows there are. Of many tasks only the telling ones have one: the critical path's, the blocked, the first, the running.
function chooseRows() {
  const run = runAt(app.i), wanted = new Set(tr.tasks.slice(0, 1));
  for (const { task } of veiled() ? [] : [...view.path.slice(-9), ...tr.slow.slice(0, 4)]) if (task) wanted.add(task);
  for (const task of tr.tasks) if (wanted.size < FEW) wanted.add(task);
  wanted.add(app.task);
  if (run) wanted.add(run.task);
  const born = tr.tasks.filter(task => task.b <= app.veil), shown = view.expanded ? born : born.filter(task => wanted.has(task));
  view.rows = shown.map(task => ({ task }));
  if (shown.length < born.length) view.rows.push({ more: born.length - shown.length });
  for (const queue of tr.queues.slice(0, 6)) view.rows.push({ queue });
  for (const track of tr.tracks) if (track.bars.length && !(track.loop && tr.hasLoop)) view.rows.push({ track });
}
function drawTimeline() {
  view.width = $("timeline").clientWidth;
  // Names have more room where they need it.
  view.left = view.width >= 600 ? 164 : tr.tasks.some(task => short(task)[4]) || tr.tracks[1] ? 92 : 64;
  chooseRows();
  const tall = view.rows.length * ROW;
  $("height").style.height = tall + "px";
  $("rows").style.height = min(tall, innerHeight * 0.3) + "px";
  drawHead();
  drawBody();
}
// What lies behind the moment, while the future is hidden, else all.
function clip(g, top, height) {
  g.save();
  g.beginPath();
  g.rect(view.left, top, (veiled() ? X(app.veil) : view.width) - view.left, height);
  g.clip();
}
function drawHead() {
  const top = curveTop(), g = fit($("head"), view.width, top + 30);
  for (const [text, y] of [[view.left > 99 && !veiled() ? inFlight(tr) : "in flight", top + 14], ...tr.hasLoop ? [["pen", PEN], ["kernel", KERNEL]] : []]) label(g, text, 12, y, view.left - 12, paint.ink);
  clip(g, 0, top + 30);
  drawAxis(g);
  drawPen(g);
  drawKernel(g);
  drawCurve(g, tr.curve, tr.peak, seenAt, top, 26);
  g.restore();
  drawMoment(g, 22, top + 8);
  shape(g, paint.ink, X(app.i), 18, [[-5, 0], [5, 0], [0, 7]]);
}
function drawAxis(g) {
  const { mode, folds } = view.axis, room = max(2, Math.floor(wide() / 110));
  rect(g, paint.line, view.left, 22, wide(), 1);
  let free = 0, before = {};
  const place = x => min(x + 3, view.width - 66), write = (x, text) => {
    rect(g, paint.line, x, 18, 1, 5);
    free = place(x) + 12 + label(g, text, place(x), 11, 100, paint.dim);
  };
  if (mode === "time") {
    const from = tr.start + view.from * tr.total, to = tr.start + view.to * tr.total;
    for (const [at, text] of ticks(from, to, room)) write(view.left + (at - from) / (to - from) * wide(), text);
    return;
  }
  for (const { b, e } of folds) {
    const x1 = seen(X(b)), x2 = seen(X(e)), x = (x1 + x2) / 2;
    if (x2 - x1 > 30) stroke(g, paint.dim, 1.2, [[x - 5, 27, x - 1, 17], [x, 27, x + 4, 17]]);
  }
  for (let k = 0; k <= room; k++) {
    const i = min(tr.n - 1, atX(view.left + k * wide() / room + 0.5) + (k && k < room ? 1 : 0)), x = X(i), t = tr.t[i];
    if (place(x) < free || x < view.left - 1) continue;
    let text = mode === "steps" ? "step " + (tr.stopOf[i] + 1) : span(t);
    if (text === before.text) text = "+ " + span(t - before.t); else before = { text, t };
    write(x, text);
  }
}
// The parts of a list of lives that can be seen, but at most one for each half pixel.
function visible(list, draw, done = -1) {
  const end = atX(view.width - RIGHT) + 1;
  for (let j = max(0, upTo(list, atX(view.left))); j < list.length && list[j].b <= end; j++) {
    const x1 = seen(X(list[j].b)), x2 = seen(X(list[j].e));
    if (x2 < done + 0.5) continue;
    draw(list[j], x1, x2);
    done = x2;
  }
}
const blockedFor = run => (run.e < NEVER ? "blocked " : "still runs, blocked ") + span(took(run));
function drawPen(g) {
  visible(tr.polls, (poll, x1, x2) => {
    if (x2 - x1 < 2) return;
    rect(g, paint.dots, x1, PEN - 8, x2 - x1, 16);
    const room = x2 - x1, text = (room > 130 ? "asleep " : "") + span(took(poll));
    if (room > 46) label(g, text, x1 + room / 2 - text.length * 3, PEN, room, paint.dim, paint.panel);
  });
  visible(tr.runs, (run, x1, x2) => drawState(g, run.slow ? "!" : "r", x1, x2, PEN, nameOf(run) + (run.slow ? "  " + blockedFor(run) : "")));
}
function drawKernel(g) {
  const end = atX(view.width - RIGHT);
  for (let i = atX(view.left), done = -9; i <= end; i++) {
    const k = tr.kind[i], x = X(i);
    if (x < done + 3 || k !== K.IO_EVENT && k !== K.TIMER_FIRE && !posted(i) && k !== K.MARK) continue;
    done = x;
    shape(g, k === K.MARK ? paint.path : paint.ink, x, KERNEL, k === K.TIMER_FIRE ? [[-3.5, 0], [0, -3.5], [3.5, 0], [0, 3.5]] : posted(i) ? [[-3, -3], [3, -3], [3, 3], [-3, 3]] : [[-3.5, -4], [3.5, -4], [0, 4]]);
  }
}
// How many waits are in flight, as a stepped curve. The comparison has it as well.
function drawCurve(g, curve, peak, x, top, height) {
  const y = v => top + height - v / (peak || 1) * (height - 4), points = [[x(0), y(0)]];
  let last = 0, done = -1;
  for (const { b, v } of curve) {
    const at = x(b);
    if (at > done + 0.4) points.push([done = at, y(last)], [at, y(v)]); else points.at(-1)[1] = y(v);
    last = v;
  }
  points.push([x(NEVER), y(last)], [x(NEVER), y(0)]);
  shape(g, paint.soft, 0, 0, points);
  stroke(g, paint.run, 1.2, points.slice(1).map(([x2, y2], at) => [...points[at], x2, y2]));
}

function drawBody() {
  const box = $("rows"), top = box.scrollTop, g = fit($("body"), view.width, box.clientHeight), first = Math.floor(top / ROW);
  const shown = view.rows.slice(first, Math.ceil((top + box.clientHeight) / ROW)), y = at => (first + at) * ROW + ROW / 2;
  g.translate(0, -top);
  shown.forEach((row, at) => drawName(g, row, y(at)));
  clip(g, top, box.clientHeight);
  shown.forEach((row, at) => row.task ? drawTask(g, row.task, y(at)) : row.track ? drawTrack(g, row.track, y(at)) : row.queue && drawQueue(g, row.queue, y(at)));
  if (view.showPath && !veiled()) drawPath(g);
  drawCause(g, top);
  g.restore();
  drawMoment(g, 0, view.rows.length * ROW);
}
function drawName(g, { task, track, queue, more }, y) {
  if (more) return label(g, "+ " + more + (view.left > 100 ? " more tasks" : ""), 12, y, view.left - 14, paint.path);
  if (track) return label(g, view.width > 600 ? track.name : lastOf(track.name, " "), 12, y, view.left - 14, paint.ink);
  if (queue) return label(g, view.left > 99 ? `queue ${queue.id}  ${holds(queue, app.i)}` : "queue " + queue.id, 12, y, view.left - 14, paint.ink);
  if (task === app.task) rect(g, paint.soft, 0, y - ROW / 2, view.width, ROW);
  const used = 20 + label(g, short(task), 12, y, view.left - 34, paint.ink), room = view.left - 22 - used;
  if (room > 24) label(g, coroOf(task), used, y, room, paint.dim);
  label(g, stateAt(task, app.i), view.left - 16, y, 14, paint.dim);
}
function drawTask(g, task, y) {
  for (const s of "~qr") {
    visible(task.spans.filter(state => state.s === s), (state, x1, x2) => {
      const slow = s === "r" && state.run.slow;
      drawState(g, slow ? "!" : s, x1, x2, y, slow ? blockedFor(state.run) : s === "~" ? x2 - x1 > 70 && "~ " + waitText(state.wait, min(app.i, state.e)) : s);
    });
  }
  if (task.end && X(task.e) >= view.left) label(g, ENDS[task.end], min(X(task.e) + 3, view.width - 11), y, 14, task.end === 1 ? paint.done : paint.block);
}
const waitText = (wait, i) => waitsFor(wait, i) + (wait < 0 ? "" : at(tr.c[wait], " @"));
// A queue is a gauge: its length over time, with a bar above where it is full.
const held = ({ curve }, i) => curve[upTo(curve, i)]?.v || 0;
const holds = (queue, i) => held(queue, i) + (queue.room ? ` of ${queue.room}` : "");
function drawQueue(g, { curve, room, most }, y) {
  drawCurve(g, curve, most, seenAt, y - 10, 20);
  curve.forEach(({ b, v }, at) => {
    const x = seenAt(b), width = seenAt(curve[at + 1] ? curve[at + 1].b : NEVER) - x;
    if (!room || v < room || width < 1) return;
    rect(g, paint.ready, x, y - 8, width, 3);
    if (width > 40) label(g, "full", x + 5, y + 3, width, paint.ready);
  });
}
function drawTrack(g, { bars }, y) {
  for (const { b, e, what, text, depth } of bars) {
    const x1 = seenAt(b), width = seenAt(e) - x1, join = what === "join";
    if (width <= 0) continue;
    if (what === "life") rect(g, paint.line, x1, y + 9, width, 1);
    else if (depth && !join) rect(g, paint.run, x1 + 1, y + 4, width - 2, 2.5);
    else {
      rect(g, join ? paint.panel : paint.soft, x1, y - 7, width, 14);
      g.strokeStyle = join ? paint.dim : paint.run;
      g.lineWidth = 1;
      g.setLineDash(join ? [3, 3] : []);
      g.strokeRect(x1 + 0.5, y - 6.5, width - 1, 13);
      g.setLineDash([]);
      if (width > 20) label(g, text, x1 + 6, y, width - 10, join ? paint.dim : paint.run);
    }
  }
}
const rowOf = task => task ? view.rows.findIndex(row => row.task === task) : -1;
function drawPath(g) {
  const lines = [];
  let last = null;
  for (const { task, b, e } of view.path) {
    const row = rowOf(task), y = row * ROW + ROW - 2;
    if (row < 0) continue;
    // Between two that are shown others may have no row.
    if (last && X(b) - last[0] < 3) lines.push([...last, X(b), y]);
    lines.push([X(b), y, X(e), y]);
    last = [X(e), y];
  }
  stroke(g, paint.path, 2.5, lines);
}
// The wake that led to the moment: an arrow from its cause, or from above where that is the kernel.
function drawCause(g, top) {
  const run = runAt(app.i), item = itemAt(app.i) || run?.item;
  if (!item || item.what !== "task" || rowOf(item.of) < 0) return;
  const from = item.run ? rowOf(item.run.task) : -1, to = rowOf(item.of), x = X(item.b);
  const y1 = from < 0 ? top : from * ROW + ROW / 2, y2 = to * ROW + ROW / 2 + (from > to ? 8 : -8), back = y2 < y1 ? 5 : -5;
  if (from !== to) stroke(g, paint.ink, 1.5, [[x, y1, x, y2], [x, y2, x - 4, y2 + back], [x, y2, x + 4, y2 + back]]);
}
function drawMoment(g, top, height) {
  if (X(app.i) >= view.left - 1) rect(g, paint.ink, X(app.i) - 0.5, top, 1.25, height);
}

// A click goes to the moment; one on the name of a row chooses its task.
function clickTimeline({ offsetX, offsetY }, inBody) {
  const row = inBody && view.rows[Math.floor(offsetY / ROW)] || {};
  if (row.more) view.expanded = true;
  if (row.task) app.task = row.task;
  if (offsetX >= view.left) goTo(atX(offsetX)); else show();
}
