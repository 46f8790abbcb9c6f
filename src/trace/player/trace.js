// What was recorded, as arrays: event i is of kind kind[i], happened at t[i] (ns), and has flag, track, a, b and c.
"use strict";

let tr; // the run that is open
const { min, max } = Math;
const NEVER = 1e9; // an event beyond all others
const K = {}; // the numbers of the kinds, by their names

// The values of flags: causes of READY, reasons of POLL_ENTER, kinds of WAIT.
const CAUSE = { task: 1, callback: 2, timer: 3, io: 4, thread: 5, cancel: 6, spawn: 7, yield: 8 };
const WHY = { ready: 0, timer: 1, none: 2 };
const WAIT = { yield: 0, timer: 1, read: 2, write: 3, task: 4, promise: 5, job: 7 }, FLYING = [WAIT.timer, WAIT.read, WAIT.write];

const u64 = (low, high) => high * 4294967296 + low;

function readTrace(doc) {
  const { ev, stride } = doc, n = ev.length / stride, t = new Float64Array(n), kind = new Uint8Array(n), flag = new Uint8Array(n);
  const track = new Uint16Array(n), a = new Uint32Array(n), b = new Uint32Array(n), c = new Uint32Array(n);
  for (let i = 0, j = 0, now = 0; i < n; i++, j += stride) {
    t[i] = now += ev[j];
    kind[i] = ev[j + 1];
    flag[i] = ev[j + 2];
    track[i] = ev[j + 3];
    a[i] = ev[j + 4];
    b[i] = ev[j + 5];
    c[i] = ev[j + 6];
  }
  doc.kinds.forEach((name, at) => K[name] = at);
  doc.ev = 0; // the arrays have it
  doc.patience = doc["slow"];
  return findLives({ doc, n, t, kind, flag, track, a, b, c });
}

// Times and counts for people.
function span(ns) {
  for (const [size, unit] of [[1e9, " s"], [1e6, " ms"], [1e3, " µs"]]) {
    if (ns >= size * 0.9995) return (size > 1e6 ? (ns / size).toFixed(ns < 99.5e9 ? 3 : 1) : (ns / size).toPrecision(3)) + unit;
  }
  return ns ? Math.round(ns) + " ns" : "0";
}
const many = (n, one, more = one + "s") => n + " " + (n === 1 ? one : more);
const percent = share => (share > 0 && share < 0.01 ? "< 1" : Math.round(100 * share || 0)) + " %";
const capital = text => text.charAt(0).toUpperCase() + text.slice(1);

// A name that somebody gave keeps its case at the beginning of a sentence, and its direction of writing to itself.
const own = name => "\u2068" + name + "\u2069";

// Places in the source.
const lastOf = (path, mark) => path.slice(path.lastIndexOf(mark) + 1);
function at(loc, word = " at ") {
  const [file, line] = tr.doc.loc[loc] || [""];
  return file ? `${word}${lastOf(file, "/")}:${line}` : "";
}
