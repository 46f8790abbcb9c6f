// Whatever is in the loop has a life: from event b to event e. One pass over the trace finds all lives; the state of the
// loop at event i is those that hold i (b <= i < e). So a step back costs what a step forward does, and nothing is replayed.
// Tasks have spans besides: q (ready, without the pen), r (running), ~ (waiting). The pen's runs are steps and callbacks.

// The last of n places of which something holds that holds of all before it.
function last(n, holds) {
  let low = 0;
  while (low < n) {
    const middle = (low + n) >> 1;
    if (holds(middle)) low = middle + 1; else n = middle;
  }
  return low - 1;
}
// The last of a list sorted by b that began at or before i.
const upTo = (list, i) => last(list.length, at => list[at].b <= i);
// Of lives that do not overlap: the one that holds i.
function holding(list, i) {
  const last = list[upTo(list, i)];
  return last?.e > i ? last : null;
}
// Of lives that may overlap: all that hold i. `top` is the latest end so far, so the search back may stop early.
function alive(list, i) {
  const found = [];
  for (let j = upTo(list, i); j >= 0 && list[j].top > i; j--) if (list[j].e > i) found.push(list[j]);
  return found.reverse();
}

function findLives(trace) {
  const { n, t, kind, flag, track, a, b, c, doc } = trace;
  const tasks = [], timers = [], interests = [], callbacks = [], jobs = [], queues = [], items = [], runs = [], polls = [], turns = [];
  const curve = [], stop = [], stopOf = new Int32Array(n), box = new Uint8Array(n), waiting = new Map(), known = {};
  const tracks = doc.tracks.map(track => ({ name: track["name"], type: track.type, loop: track.type === "loop", bars: [], open: [] }));
  let i = 0, run = null, where, now = 0, head = 0, flying = 0, busy = 0, asleep = 0, loop = 0, before = -1;

  // Two loops number their tasks alike, so the loop is part of the name. Jobs belong to all of them.
  const table = what => known[what + loop] ??= new Map();
  const get = (what, id) => table(what).get(id);
  const add = (list, life) => (life.b = i, life.e = NEVER, list.push(life), life);
  const name = (what, list, life) => (table(what).set(life.id, life), add(list, life));
  function push(what, of) {
    const item = add(items, { what, of, run });
    waiting.set(of, item);
    return item;
  }
  function pop(of) {
    const item = waiting.get(of);
    if (item) item.e = i;
    waiting.delete(of);
    return item || null;
  }
  const newTask = id => name("task", tasks, { id, name: "Task-" + id, coro: "", parent: null, loc: 0, spans: [], runs: [], wait: -1, end: 0, children: [], counts: [] });
  const task = id => get("task", id) || newTask(id);
  const timer = (id, owner) => name("timer", timers, { id, due: u64(b[i], c[i]), task: owner, fired: false });
  const source = () => name("source", interests, { id: a[i], fd: b[i] | 0 });
  const state = ({ spans }) => spans.at(-1);
  function change(task, s, item) {
    const last = state(task);
    if (last) last.e = i;
    if (s) task.spans.push({ b: i, e: NEVER, s, item, wait: task.wait, run });
  }
  const fly = by => by && curve.push({ b: i, v: flying += by });
  const flies = wait => +(wait >= 0 && FLYING.includes(flag[wait]));
  function ready(of, cause, by) {
    const last = state(of), item = push("task", of);
    if (last?.s === "~") fly(-flies(of.wait));
    item.cause = cause;
    item.by = by || null;
    if (run?.task === of) run.again = item; else change(of, "q", item);
  }
  function begin(life, item) {
    if (run?.e === NEVER) run.e = i;
    return add(runs, { item, wait: -1, again: null, slow: false, ...life });
  }
  function end() {
    run.e = i;
    busy += t[i] - t[run.b];
    run.slow = t[i] - t[run.b] > doc.patience;
    run = null;
  }
  const work = ({ open }) => open.filter(({ what }) => what !== "life" && what !== "join").length;
  function openBar(what, text, loc, of) {
    const depth = work(where), bar = add(where.bars, { what, text, loc, of, depth });
    where.open.push(bar);
    if (!depth) fly(work(where));
  }
  function closeBar(what, at = where) {
    const last = at.open.findLastIndex(bar => bar.what === what), depth = work(at);
    if (last >= 0) at.open.splice(last, 1)[0].e = i;
    if (!work(at)) fly(-!!depth);
  }

  const on = {
    TURN() {
      // What was ready before the last turn's fourth step, and did not run in it, had been cancelled.
      const last = turns.at(-1);
      for (; last && head < items.length && items[head].b < last.b; head++) if (items[head].e > i) pop(items[head].of);
      add(turns, { number: a[i], poll: null });
    },
    POLL_ENTER() {
      const poll = add(polls, { why: flag[i], timeout: u64(a[i], b[i]), timer: c[i] });
      if (turns.length) turns.at(-1).poll = poll;
    },
    POLL_EXIT() {
      const poll = polls.at(-1);
      if (poll) asleep += t[poll.e = i] - t[poll.b];
    },
    TIMER_SET: () => timer(a[i], run?.task),
    TIMER_CANCEL() {
      const timer = get("timer", a[i]);
      if (timer) timer.e = i;
    },
    TIMER_FIRE() {
      const due = get("timer", a[i]) || timer(a[i], null);
      due.e = i;
      due.fired = true;
      push("timer", due);
    },
    TASK_SPAWN() {
      const child = newTask(a[i]), parent = b[i] ? task(b[i]) : null;
      child.loc = c[i];
      child.parent = parent;
      if (parent) parent.children.push(child);
    },
    TASK_NAME() {
      const of = task(a[i]);
      of.name = doc.str[b[i]] || "Task-" + a[i];
      if (of.name.length > 40) {
        of.full = of.name;
        of.name = of.name.slice(0, 39) + "…";
      }
      if (c[i]) of.coro = doc.str[c[i]] === "Greenlet" ? calledAt(doc, of.loc) : lastOf(doc.str[c[i]], ":");
    },
    READY() {
      if (flag[i] === CAUSE.timer) pop(get("timer", b[i]));
      ready(task(a[i]), flag[i], flag[i] === CAUSE.task || flag[i] === CAUSE.yield ? get("task", b[i]) : null);
    },
    WAKE_DUP: () => flag[i] === CAUSE.timer && pop(get("timer", b[i])),
    STEP_BEGIN() {
      const of = task(a[i]);
      run = begin({ task: of, wait: of.wait, at: of.runs.length }, pop(of));
      of.runs.push(run);
      change(of, "r");
      of.wait = -1;
    },
    WAIT() {
      const of = task(a[i]);
      of.wait = i;
      if (i > before) return;
      change(of, "~");
      fly(flies(i));
    },
    WAIT_PROGRESS: () => add(task(a[i]).counts, {}),
    STEP_END() {
      const of = task(a[i]), steps = run?.task === of;
      if (flag[i]) {
        if (!steps) fly(-flies(of.wait));
        change(of);
        of.e = i;
        of.end = flag[i];
      } else if (steps && run.again) change(of, "q", run.again);
      else {
        change(of, "~");
        fly(flies(of.wait));
      }
      if (steps) end();
    },
    IO_REG: source,
    IO_DEREG() {
      const gone = get("source", a[i]);
      if (gone) gone.e = i;
    },
    CB_ADD() {
      const callback = name("callback", callbacks, { id: a[i], timer: b[i], loc: c[i] });
      if (!flag[i]) push("callback", callback);
    },
    CB_RUN() {
      const callback = get("callback", a[i]) || name("callback", callbacks, { id: a[i], timer: 0, loc: 0 });
      run = begin({ task: null, callback, at: 0 }, pop(callback) || pop(get("timer", callback.timer)));
    },
    CB_END() {
      if (!run || run.task) return;
      run.callback.e = i;
      end();
    },
    BLOCK_BEGIN: () => openBar("block", doc.str[b[i]] || "blocks", a[i]),
    BLOCK_END: () => closeBar("block"),
    THREAD_BEGIN: () => openBar("life", "runs", c[i]),
    THREAD_END: () => closeBar("life"),
    PROC_BEGIN: () => openBar("life", "is idle", c[i]),
    PROC_END: () => closeBar("life"),
    JOIN_BEGIN: () => openBar("join", "joins " + (tracks[a[i]] || where).name, c[i]),
    JOIN_END: () => closeBar("join"),
    CHUNK_BEGIN: () => openBar("chunk", "chunk " + a[i]),
    CHUNK_END: () => closeBar("chunk"),
    OFFLOAD: () => name("job", jobs, { id: a[i], task: b[i] ? task(b[i]) : null, where: null }),
    OFFLOAD_RUN() {
      const job = get("job", a[i]);
      closeBar("job");
      if (!job) return;
      job.where = where;
      openBar("job", job.task ? short(job.task) : "job " + job.id, c[job.b], job);
    },
    OFFLOAD_DONE() {
      const job = get("job", a[i]);
      if (!job) return;
      job.e = i;
      if (job.where && job.where.open.some(bar => bar.of === job)) closeBar("job", job.where);
    },
    QUEUE() {
      const queue = get("queue", a[i]) || name("queue", queues, { id: a[i], room: c[i], most: 1, curve: [] });
      queue.curve.push({ b: i, v: b[i] });
      queue.most = max(queue.most, queue.room, b[i]);
    },
    CUT() {
      // Who has the pen keeps it: the life of its run does not end.
      if (!run) return;
      busy += t[i] - t[run.b];
      run.slow = t[i] - t[run.b] > doc.patience;
    },
    SNAP() {
      // The records that follow lead from nothing to what was so when the first of the kept ones was written.
      before = i + a[i];
    },
  };
  const handlers = doc.kinds.map(name => on[name] || (() => 0));
  for (; i < n; i++) {
    const k = kind[i], byTimer = (k === K.READY || k === K.WAKE_DUP) && flag[i] === CAUSE.timer;
    where = tracks[track[i]] || tracks[0];
    if (where.loop) loop = track[i];
    // What only completes another event is not a step of its own.
    const part = k === K.TASK_NAME || k === K.WAIT_DETAIL || k === K.WAIT_PROGRESS && kind[i - 1] === K.WAIT_DETAIL || i <= before || k === K.READY && flag[i] === CAUSE.spawn;
    stopOf[i] = (part && stop.length ? stop.length : stop.push(i)) - 1;
    if (k === K.TURN) now = 1;
    else if (k === K.POLL_ENTER) now = 2;
    else if (k === K.POLL_EXIT) now = 3;
    else if (now && where.loop) now = k === K.STEP_BEGIN || k === K.CB_RUN || byTimer ? 4 : now === 1 ? 3 : now;
    box[i] = now;
    handlers[k]();
  }
  for (const list of [tasks, timers, interests, queues, items, ...tracks.map(track => track.bars)]) {
    let top = 0;
    for (const life of list) life.top = top = max(top, life.e);
  }
  const start = doc.dropped ? t[0] : 0; // where the first events are lost, time begins with those that are not
  return Object.assign(trace, {
    tasks, timers, interests, queues, items, runs, polls, turns, curve, tracks, box, stop, stopOf, busy, asleep,
    start, total: t[n - 1] - start, peak: curve.reduce((peak, { v }) => max(peak, v), 0), slow: runs.filter(run => run.slow), hasLoop: runs.length > 0,
  });
}

// A greenlet is called after the function that it calls, if the line that starts it says so; else after the line.
function calledAt({ src, loc }, place) {
  const [file, line] = loc[place], text = (src[file] || "").split("\n")[line - 1];
  return /\|\|\s(?:\w+::)*(\w+)\(/.exec(text)?.[1] || "Greenlet:" + line;
}
// Names: "T3" in pictures, whatever was given otherwise.
const short = ({ name }) => /^Task-\d+$/.test(name) ? "T" + name.slice(5) : own(name);
// A block inside a function has the function's name, so the line tells those apart that stand in one.
const coroOf = ({ coro, parent, loc }) => coro && coro + (parent?.coro === coro ? at(loc, "").replace(/.*:/, ":") : "");
const nameOf = run => run.task ? short(run.task) : "callback " + run.callback.id;
const itemName = item => item.what === "task" ? short(item.of) : item.what + " " + item.of.id;
