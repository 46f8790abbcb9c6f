// Several runs on one axis: the first screen of a file that holds more than one.

function showCompare(said) {
  const { traces } = app;
  if (!traces[0]) return fill("compare", "Nothing was recorded.");
  const hidden = veiled(), longest = max(...traces.map(trace => trace.total)), narrow = innerWidth < 760;
  const wide = narrow ? innerWidth - 24 : min(innerWidth, 1400) - 410, scale = h("canvas"), g = fit(scale, wide, 24);
  for (const [at, text] of ticks(0, longest, narrow ? 4 : 8)) {
    const x = at / longest * (wide - 60);
    rect(g, paint.line, x, 16, 1, 8);
    label(g, text, x + 3, 10, 80, paint.dim);
  }
  const rows = traces.map((trace, at) => {
    const picture = h("canvas", { role: "img", "aria-label": `${trace.doc.title}: ${span(trace.total)}, ${facts(trace)}` });
    drawRun(fit(picture, wide, 46), trace, (wide - 60) / longest);
    return h("li", h("button.open", { "data-trace": at + 1 }, h("b", trace.doc.title), h("b", hidden ? "?" : span(trace.total)), h("small", hidden ? "" : facts(trace))), hidden ? h("div.veil") : picture);
  });
  const best = traces.reduce((p, q) => p.total <= q.total ? p : q), guess = trace => {
    const right = trace.total < best.total * 1.1; // as good as first
    app.veil = NEVER;
    showCompare(h(right ? "p.right" : "p.wrong", { role: "status" }, `${right ? "✓ Right" : "✗ No"}: ${best.doc.title} ends first, after ${span(best.total)}, with ${best.peak} in flight.`));
  };
  fill("compare", h("h2", many(traces.length, "run") + " on one axis"), said,
    hidden ? h("fieldset", h("legend", "Which of them ends first?"), ...traces.map(trace => button(trace.doc.title, () => guess(trace)))) : button("Hide and predict", () => { app.veil = 0; showCompare(); }), h("div.scale", scale), h("ol", ...rows),
    dim("The higher, the more is in flight at once (by its square root, so that 1 can be seen beside 100). Each run begins at 0, even if they ran at the same time. " + (traces.some(trace => trace.slow[0]) ? "Red and crossed: the loop is blocked. " : "") + "Choose a run to open it."), !hidden && showDiff());
}
// What waits for a timer or a socket, whoever waits: a server in the same loop, too. Of threads and processes, what works.
const inFlight = ({ peak, hasLoop }) => `${hasLoop ? "waits " : ""}in flight ≤ ${peak}`;
const facts = trace => [inFlight(trace), trace.hasLoop ? shares(trace) : tracksOf(trace), trace.slow.length && many(trace.slow.length, "blocked step"), trace.doc.dropped && trace.doc.dropped + " events dropped"].filter(Boolean).join(" · ");
function shares({ busy, asleep, total }) {
  const rest = 1 - (busy + asleep) / total;
  return `loop busy ${percent(busy / total)}, idle ${percent(asleep / total)}` + (rest > 0.02 ? `, ${percent(rest)} before the first turn and between steps` : "");
}
function tracksOf({ tracks }) {
  const { type } = tracks.at(-1), born = tracks.filter(({ bars }) => bars[0]?.what === "life").length;
  return many(born || 1, type, type + (type === "process" ? "es" : "s"));
}

// The order of two runs, side by side. What ran, in words that two runs can have in common, however long it took:
const WAITED = ["its next turn", "a timer", "a socket to read", "a socket to write", "a task", "a promise", "a lock or queue", "a thread"];
function orderOf(trace) {
  return trace.runs.slice(0, 1200).map(run => {
    const { task } = run, after = task && holding(task.spans, run.e);
    return !task ? "callback" : short(task) + (task.e === run.e ? " " + ENDS[task.end] : after?.s === "~" ? ` ~ ${detailOf(trace, after.wait) || WAITED[trace.flag[after.wait]] || "something"}` : " yields");
  });
}
// The longest order that both have, and what only one of them has: [[left, right]], with -1 for nothing.
function diff(p, q) {
  const n = p.length, m = q.length, w = m + 1, common = new Uint16Array((n + 1) * w), rows = [];
  for (let i = n - 1; i >= 0; i--) for (let j = m - 1; j >= 0; j--) common[i * w + j] = p[i] === q[j] ? common[i * w + w + j + 1] + 1 : max(common[i * w + w + j], common[i * w + j + 1]);
  for (let i = 0, j = 0; i < n || j < m;) {
    if (i < n && p[i] === q[j]) rows.push([i++, j++]);
    else if (j >= m || i < n && common[i * w + w + j] >= common[i * w + j + 1]) rows.push([i++, -1]);
    else rows.push([-1, j++]);
  }
  return rows;
}
function showDiff() {
  const loops = app.traces.filter(trace => trace.hasLoop), [first] = loops;
  if (!loops[1]) return;
  // At first those that are most unlike: the same tasks, the shortest time.
  const like = loops.filter(trace => trace !== first && trace.tasks.length === first.tasks.length).sort((p, q) => p.total - q.total)[0];
  app.pair ??= [first, like || loops[1]];
  const orders = app.pair.map(orderOf), rows = diff(...orders), same = rows.filter(([i, j]) => i >= 0 && j >= 0).length;
  const cell = (at, side, only) => h("td", at >= 0 && h(only ? "button.link" : "button.link.dim", { "data-trace": app.traces.indexOf(app.pair[side]) + 1, "data-go": app.pair[side].runs[at].b }, (only ? "+ " : "") + orders[side][at]));
  const choice = (trace, side) => {
    const select = h("select", { "aria-label": "Run " + (side + 1) }, ...loops.map(trace => h("option", trace.doc.title)));
    select.selectedIndex = loops.indexOf(trace);
    select.onchange = () => { app.pair[side] = loops[select.selectedIndex]; showCompare(); };
    return h("th", select);
  };
  return h("section", { "aria-label": "Order" }, h("h3", "In which order? "), dim(`${many(same, "step")} in the same order in both; ${orders[0].length - same} only on the left, ${orders[1].length - same} only on the right.`),
    h("div.diff", { tabindex: 0 }, h("table", h("tr", ...app.pair.map(choice)), ...cap(rows, 300).map(row => row.length ? h("tr", ...row.map((at, side) => cell(at, side, row[1 - side] < 0))) : h("tr", h("td", row))))));
}

function drawRun(g, trace, scale) {
  const x = i => (trace.t[min(i, trace.n - 1)] - trace.start) * scale, end = x(NEVER), peak = Math.sqrt(max(...app.traces.map(trace => trace.peak)));
  drawCurve(g, trace.curve.map(({ b, v }) => ({ b, v: Math.sqrt(v) })), peak, x, 2, 36);
  let done = -1;
  for (const { b, e, slow } of trace.runs) {
    if (slow) drawState(g, "!", x(b), x(e) - 1, 22, "blocked");
    if (x(e) < done + 1) continue;
    rect(g, slow ? paint.block : paint.run, x(b), 39, max(1, x(e) - x(b)), 4);
    done = x(e);
  }
  rect(g, paint.ink, end, 4, 2, 39);
  label(g, span(trace.total), end + 7, 12, 60, paint.ink);
}
