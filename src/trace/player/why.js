// Why something ran, why the whole took so long, and who suffered: chains of causes, back to the kernel.

// What a run goes back to: the run that pushed its item onto the ready queue, else the step before, in which its wait began.
function cause(run) {
  const { item, task } = run;
  if (!item) return null;
  if (item.run && item.run !== run && item.run.b < item.b) return item.run;
  return task && run.at ? task.runs[run.at - 1] : null;
}
// The critical path: from the last step back to the beginning, what kept it. [{ task, s, b, e }], oldest first.
function criticalPath() {
  const path = [];
  const ends = run => run.task?.end && run.task.e === run.e;
  let run = tr.runs.findLast(run => ends(run) && run.task.end === 1) || tr.runs.findLast(ends), until = run?.e;
  for (let left = 5000; run && left; left--) {
    const { task, item } = run, before = cause(run);
    if (task) path.push({ task, s: "r", b: run.b, e: until, run });
    if (task && item) path.push({ task, s: "q", b: item.b, e: run.b });
    if (before?.task === task && before.e < item.b) path.push({ task, s: "~", b: before.e, e: item.b });
    until = item && min(before ? before.e : 0, item.b);
    run = before;
  }
  return path.reverse();
}
// The same in words, the newest first: of one task at a stretch what is alike is summed up, and in the end all that is too
// short to matter.
function pathWords() {
  const words = [];
  let links = new Map(), of = null, little = 0, few = 0;
  const flush = () => {
    const told = [];
    for (const { i, text, sum, count } of links.values()) {
      if (sum > tr.total / 50) told.push({ i, text: text(span(sum), count) }); else { little += sum; few += count; }
    }
    words.unshift(...told.reverse());
    links = new Map();
  };
  for (const { task, s, b, e, run } of view.path) {
    if (of !== task) flush();
    of = task;
    const name = short(task), wait = s === "~" ? waitAt(task, b) : -1, timer = wait >= 0 && tr.flag[wait] === WAIT.timer && alive(tr.timers, wait).find(timer => timer.id === tr.b[wait]);
    const late = timer ? tr.t[e] - timer.due : 0;
    // The kernel cannot tell of a socket while a step blocks the loop.
    const lastly = tr.slow.filter(run => s === "~" && !timer && run.b > b && run.e < e && tr.t[e] - tr.t[run.e] < (tr.t[e] - tr.t[b]) / 50);
    const ahead = s === "q" || late > tr.doc.patience ? aheadOf(b, e, task) : lastly.map(run => `, in the end while ${nameOf(run)} blocked the loop for ${span(took(run))}`).join(""), what = s === "~" ? waitsFor(wait) : ahead + (run?.slow ? "!" : ""), key = s + (timer ? ahead : what);
    const text = {
      r: (sum, count) => `${name} runs for ${sum}` + (run.slow ? ", and blocks the loop" : count > 1 ? ` in ${count} steps` : ""),
      q: (sum, count) => `${name} is ready${count > 1 ? ` ${count} times,` : ""} for ${sum}${ahead}`,
      "~": (sum, count) => `${name} waits${count > 1 ? ` ${count} times` : ""} for ${timer && count > 1 ? "timers" : what}: ${sum}` + (ahead && (timer ? `, fired ${span(late)} late` : "") + ahead),
    }[s];
    const link = links.get(key) || { i: b, text, sum: 0, count: 0 };
    link.sum += tr.t[e] - tr.t[b];
    link.count++;
    links.set(key, link);
  }
  flush();
  if (little) words.push({ i: view.path[0].b, text: `${many(few, "short link")}, together ${span(little)}` });
  return words;
}
// Behind whom an item stood in the queue from b to e: who had the pen for long then.
function aheadOf(b, e, task) {
  const found = [];
  for (let j = max(0, upTo(tr.runs, b)); j < tr.runs.length && tr.runs[j].b < e; j++) {
    const run = tr.runs[j], long = tr.t[min(run.e, e)] - tr.t[max(run.b, b)];
    if (run.task !== task && long > (tr.t[e] - tr.t[b]) / 20) found.push(run);
  }
  if (!found.length) return tr.turns[0]?.b > b ? ", before the first turn" : "";
  return ", behind " + found.map(nameOf).join(", ") + (found.every(run => run.slow) ? ", which blocked the loop" : "");
}

// The chain behind event i, the newest link first: [{ i, text, loc }].
function whyChain(i) {
  const links = [], add = (i, text, loc) => links.push({ i, text, loc });
  let run = runAt(i), item = itemAt(i) || run?.item;
  if (run && item === run.item) add(run.b, `${nameOf(run)} got the pen at ${span(tr.t[run.b])}`);
  for (let left = 12; item && left; left--) {
    const { of, b: pushed } = item, waited = of.spans && holding(of.spans, pushed - 1), slept = waited?.s === "~" && waited.wait >= 0, id = tr.b[pushed], behind = run && item === run.item ? tr.t[run.b] - tr.t[pushed] : 0;
    const creator = () => of.parent ? short(of.parent) : "the program", by = kind => {
      for (let j = pushed; j > pushed - 5000 && j >= 0; j--) if (tr.kind[j] === kind && (kind === K.OFFLOAD_DONE || tr.a[j] === id)) return j;
      return pushed;
    };
    if (behind) add(pushed, `it stood in the queue for ${span(behind)}${aheadOf(pushed, run.b, run.task)}`);
    if (item.what === "timer") add(of.b, `${itemName(item)} was due at ${span(of.due)}, set by ${of.task ? short(of.task) : "the program"}`);
    else if (item.what === "callback") add(pushed, "it was scheduled", of.loc);
    else {
      const [text, kind] = {
        [CAUSE.io]: [`woken by the kernel: ${sourceName(pushed, id)} was ready`, K.IO_EVENT],
        [CAUSE.timer]: [`woken by timer ${id}, which was due`, K.TIMER_FIRE],
        [CAUSE.thread]: ["woken by another thread", K.OFFLOAD_DONE],
        [CAUSE.cancel]: ["it was to be cancelled"],
        [CAUSE.spawn]: ["just created by " + creator()],
        [CAUSE.yield]: ["it had let the others run first"],
      }[item.cause] || ["woken by " + causeOf(pushed)];
      // Whom a promise wakes follows its fulfilment at once.
      let done = pushed;
      while (slept && tr.flag[waited.wait] === WAIT.promise && tr.kind[done] === K.READY) done--;
      if (tr.kind[done] === K.FUT_DONE) add(done, text + ", which fulfilled a promise", tr.c[done]);
      else add(kind ? by(kind) : pushed, text, item.cause === CAUSE.spawn && of.loc);
    }
    if (slept) add(waited.wait, `it had waited ${span(tr.t[pushed] - tr.t[waited.b])} for ${waitsFor(waited.wait)}`, tr.c[waited.wait]);
    const next = item.run && item.run.b < pushed && item.run !== run ? item.run : null;
    if (!next && waited && of.loc) add(of.b, `${short(of)} was created by ${creator()}`, of.loc);
    run = next;
    item = run?.item;
    if (run) add(run.b, `${nameOf(run)} had the pen, since ${span(tr.t[run.b])}`);
  }
  return links;
}

// Who had to wait while a step blocked the loop: what stood in the ready queue, and timers that fell due.
function victims(run) {
  const { t, n } = tr, found = [], until = min(run.e, n - 1), add = (e, since, name, verbs) => {
    const i = min(e, n - 1);
    if (t[i] - since > tr.doc.patience) found.push({ i, name, late: t[i] - since, text: `${verbs[0]} ${span(since)}, ${e < NEVER ? `${verbs[1]} ${span(t[i])}` : "still waits"}` });
  };
  for (const item of alive(tr.items, run.e - 1)) if (item.what !== "timer" && item.of !== run.task) add(item.e, t[item.b], itemName(item), ["ready", "ran"]);
  for (const timer of alive(tr.timers, run.e - 1)) if ((timer.fired || timer.e === NEVER) && timer.due < t[until]) add(timer.e, timer.due, `timer ${timer.id}${timer.task ? " of " + short(timer.task) : ""}`, ["due", "fired"]);
  return found.sort((p, q) => q.late - p.late);
}
// Sockets of which the kernel told as soon as it was asked again: nobody knows since when they were ready, but while the step
// ran nobody asked. [the events that say so]
function foundReady(run) {
  const poll = tr.polls[upTo(tr.polls, run.e) + 1], found = [];
  if (poll && took(poll) < took(run) / 10) for (let j = poll.e + 1; tr.box[j] === 3; j++) if (tr.kind[j] === K.IO_EVENT) found.push(j);
  return found;
}
function whoWaited(run) {
  const others = victims(run).length, sockets = foundReady(run).length;
  return [others || !sockets ? `${sockets ? "at least " : ""}${many(others, "other")} had to wait` : "", sockets ? many(sockets, "socket was", "sockets were") + " ready when the loop asked next" : ""].filter(Boolean).join("; ");
}
