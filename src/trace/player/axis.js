// Where an event stands on the timeline, from 0 to 1, in one of three ways: in true time; in time with long sleeps of the
// loop folded, and whatever else passes while nobody runs; or a step each, which is the only one that shows anything when a clock jumps.

function makeAxis(mode) {
  const { n, t, stopOf } = tr, x = new Float64Array(n), folds = [], idle = mode === "fold" && tr.hasLoop ? idleGaps() : [], limit = longestGap(idle);
  if (mode === "time") x[0] = t[0] - tr.start;
  for (let i = 1; i < n; i++) {
    const gap = t[i] - t[i - 1];
    x[i] = x[i - 1] + (mode === "steps" ? stopOf[i] - stopOf[i - 1] : idle[i] ? min(gap, limit) : gap);
    if (idle[i] && gap > limit * 1.5) folds.push({ b: i - 1, e: i });
  }
  // What comes after the last run, the loop's closing, has little room.
  const last = mode === "fold" && tr.runs.length ? x[min(tr.runs.at(-1).e, n - 1)] * 1.01 : 0, end = last || x[n - 1] || 1;
  return { mode, x: x.map((at, i) => i < n - 1 ? min(at / end, 1) : 1), folds };
}
// By event: the time since the event before it, if nobody had the pen.
function idleGaps() {
  const gaps = new Float64Array(tr.n);
  let e = 0;
  for (const run of [...tr.runs, { b: tr.n - 1 }]) {
    for (let i = e + 1; i <= run.b; i++) gaps[i] = tr.t[i] - tr.t[i - 1];
    e = run.e;
  }
  return gaps;
}
// The length to which they are folded: such that all of them together take four ninths of the picture.
function longestGap(idle) {
  const gaps = idle.filter(gap => gap).sort();
  let room = (tr.total - gaps.reduce((sum, gap) => sum + gap, 0)) * 0.8;
  for (const [at, gap] of gaps.entries()) {
    const share = room / (gaps.length - at);
    if (gap > share) return share;
    room -= gap;
  }
  return Infinity;
}
const defaultAxis = () => tr.doc.virtual || tr.total - tr.asleep < tr.total * 1e-7 ? "steps" : "fold";

// Round times for the ticks of a true axis: [time, name].
function ticks(from, to, room) {
  let step = 10 ** Math.ceil(Math.log10((to - from) / room || 1));
  for (const part of [5, 2]) if ((to - from) / (step / part) <= room) { step /= part; break; }
  const [size, unit] = step >= 1e8 ? [1e9, " s"] : step >= 1e5 ? [1e6, " ms"] : [1e3, " µs"], found = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push([at, at ? +(at / size).toFixed(3) + unit : "0"]);
  return found;
}
