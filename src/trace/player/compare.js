// Several runs on one axis: the first screen of a file that holds more than one.

function showCompare(said) {
  const { traces, veiled } = app, longest = max(...traces.map(trace => trace.total)), narrow = innerWidth < 760;
  const wide = narrow ? innerWidth - 24 : min(innerWidth, 1400) - 410, scale = h("canvas"), g = fit(scale, wide, 24);
  for (const [at, text] of ticks(0, longest, narrow ? 4 : 8)) {
    const x = at / longest * (wide - 60);
    rect(g, paint.line, x, 16, 1, 8);
    label(g, text, x + 3, 10, 80, paint.dim);
  }
  const rows = traces.map((trace, at) => {
    const picture = h("canvas", { role: "img", "aria-label": `${trace.doc.title}: ${span(trace.total)}, ${facts(trace)}` });
    drawRun(fit(picture, wide, 46), trace, (wide - 60) / longest);
    return h("li", h("button.open", { "data-trace": at + 1 }, h("b", trace.doc.title), h("b", veiled ? "?" : span(trace.total)), h("small", veiled ? "" : facts(trace))), veiled ? h("div.veil") : picture);
  });
  const best = traces.reduce((p, q) => p.total <= q.total ? p : q), guess = trace => {
    app.veiled = false;
    showCompare(h(trace === best ? "p.right" : "p.wrong", { role: "status" }, `${trace === best ? "✓ Right" : "✗ No"}: ${best.doc.title} ends first, after ${span(best.total)}, with ${best.peak} in flight.`));
  };
  fill("compare", h("h2", "The same work, in ", many(traces.length, "way")), h("div.scale", scale), h("ol", ...rows),
    dim("Height: waits in flight, as a root. Red and crossed: blocked. Choose a run to open it."), said,
    veiled ? h("fieldset", h("legend", "Which of them ends first?"), ...traces.map(trace => button(trace.doc.title, () => guess(trace)))) : button("Hide and predict", () => { app.veiled = true; showCompare(); }));
}
const facts = trace => [`in flight ≤ ${trace.peak}`, trace.hasLoop ? `loop busy ${percent(trace.busy / trace.total)}, idle ${percent(trace.asleep / trace.total)}` : tracksOf(trace),
  trace.slow.length && many(trace.slow.length, "blocked step"), trace.doc.dropped && trace.doc.dropped + " events dropped"].filter(Boolean).join(" · ");
function tracksOf({ tracks }) {
  const { type } = tracks.at(-1);
  return many(tracks.length, type, type + (type === "process" ? "es" : "s"));
}

function drawRun(g, trace, scale) {
  const x = i => trace.t[min(i, trace.n - 1)] * scale, end = x(NEVER), peak = Math.sqrt(max(...app.traces.map(trace => trace.peak)));
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
