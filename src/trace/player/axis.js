// Where an event stands on the timeline, from 0 to 1, in one of three ways: in true time; in time with long sleeps of the
// loop folded; or a step each, which is the only one that shows anything when a clock jumps.

function makeAxis(mode) {
  const { n, t, kind, stopOf } = tr, x = new Float64Array(n), folds = [], limit = mode === "fold" ? longestSleep() : Infinity;
  for (let i = 1, asleep = false; i < n; i++) {
    if (kind[i - 1] === K.POLL_ENTER) asleep = true;
    const gap = t[i] - t[i - 1];
    x[i] = x[i - 1] + (mode === "steps" ? stopOf[i] - stopOf[i - 1] : asleep ? min(gap, limit) : gap);
    if (asleep && gap > limit * 1.5) folds.push({ b: i - 1, e: i });
    if (kind[i] === K.POLL_EXIT) asleep = false;
  }
  const end = x[n - 1] || 1;
  return { mode, x: x.map(at => at / end), folds };
}
// The length to which sleeps are folded: such that all of them together take four ninths of the picture.
function longestSleep() {
  const sleeps = tr.polls.map(took).sort((p, q) => p - q);
  let room = (tr.total - tr.asleep) * 0.8;
  for (const [at, sleep] of sleeps.entries()) {
    const share = room / (sleeps.length - at);
    if (sleep > share) return share;
    room -= sleep;
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
