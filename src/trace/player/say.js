// Every event as a plain sentence: the line under the timeline, what search looks through, and what a screen reader says.

// What was so at event i: a task's state, the WAIT event it waits since, who has the pen, what joined the ready queue.
const ENDS = " ✓✗!–";
const stateAt = (task, i) => {
  const state = holding(task.spans, i);
  return state ? state.s : task.e <= i ? ENDS[task.end] : " ";
};
const waitAt = (task, i) => {
  const state = holding(task.spans, i);
  return state?.s === "~" ? state.wait : -1;
};
const runAt = i => {
  const run = tr.runs[upTo(tr.runs, i)];
  return run?.e >= i ? run : null;
};
const itemAt = i => {
  const item = tr.items[upTo(tr.items, i)];
  return item?.b === i ? item : null;
};
const blocks = run => (run.e < NEVER ? " blocks the loop for " : " still runs, has blocked the loop for ") + span(took(run));
// Why it took so long, where that is plain: who never waits lets nobody else run, and waits overlap.
function verdict() {
  const stubborn = tr.slow.filter(({ task }) => task?.runs.length === 1).length;
  if (stubborn > 1) return ` ${stubborn} tasks blocked it and never waited, so they ran one after the other: their times add up.`;
  if (tr.slow[0]) return tr.slow.length > 3 ? "" : tr.slow.map(run => ` ${capital(nameOf(run))} blocked it for ${span(took(run))}, and ${whoWaited(run)}.`).join("");
  return tr.peak > 1 && tr.asleep > tr.total / 2 ? ` Up to ${tr.peak} waits overlapped, so their times do not add up.` : "";
}
const took = life => tr.t[min(life.e, tr.n - 1)] - tr.t[life.b];

const taskAt = (i, id) => tr.tasks.findLast(task => task.id === id && task.b <= i);
const who = (i, id) => {
  const task = taskAt(i, id);
  return task ? short(task) : "Task-" + id;
};
function sourceName(i, id) {
  const source = tr.interests.findLast(source => source.id === id && source.b <= i);
  return source?.fd >= 0 ? "fd " + source.fd : "source " + id;
}
const timersAt = i => alive(tr.timers, i).sort((p, q) => p.due - q.due);

// What the WAIT event w of a run says besides; and in all, what it waits for.
const detailOf = ({ kind, b, c, doc }, w, i = w + 2) => kind[w + 1] === K.WAIT_DETAIL ? doc.str[b[w + 1]] + (kind[i] === K.WAIT_PROGRESS ? ` ${b[i]}/${c[i]}` : "") : "";
// Of several things that it waits for, as many are done as at event i.
function waitsFor(w, i) {
  if (w < 0) return "something";
  const id = tr.b[w], what = tr.flag[w], counts = i ? taskAt(w, tr.a[w]).counts : [], count = counts[upTo(counts, i)];
  const detail = detailOf(tr, w, count?.b > w ? count.b : w + 2);
  if (what === WAIT.timer) {
    const timer = alive(tr.timers, w).find(timer => timer.id === id);
    return `timer ${id}` + (timer ? ` (due ${span(timer.due)})` : "");
  }
  if (what === WAIT.task) return who(w, id);
  return detail || (what === WAIT.read || what === WAIT.write ? sourceName(w, id) + (what === WAIT.read ? " readable" : " writable")
    : ["its next turn", , , , , "a promise", "a lock or queue", `job ${id} in the thread pool`][what] || "something");
}
// Who pushed an item onto the ready queue, as the subject of "... wakes T3".
function causeOf(i) {
  const id = tr.b[i], item = itemAt(i);
  return ["code outside the loop", item?.by ? short(item.by) : "Task-" + id, "callback " + id, "timer " + id, sourceName(i, id), "another thread", "a cancellation"][tr.flag[i]] || "the program";
}

// For how long the loop may sleep.
const maySleep = ({ why, timeout, timer }, ready) => [`not at all: ${many(ready, "item is", "items are")} ready`, timeout ? `until timer ${timer}: ${span(timeout)}` : `not at all: timer ${timer} is due`, "for ever: no timer is set",
  "not at all: the loop is to stop", "not at all: another thread has posted something", "until a thread or a socket answers: the clock stands still"][why];

// Whether event i comes from another thread.
const posted = i => tr.kind[i] === K.OFFLOAD_DONE || tr.kind[i] === K.READY && tr.flag[i] === CAUSE.thread;

function say(i) {
  const { kind, flag, a, b, c, t, doc } = tr, name = doc.kinds[kind[i]], id = a[i], f = flag[i], run = runAt(i), poll = tr.polls[upTo(tr.polls, i)];
  const me = () => who(i, id), there = tr.tracks[tr.track[i]], other = (tr.tracks[id] || there).name, inLoop = run && there.loop, onTrack = inLoop ? nameOf(run) : there.name;
  const actor = run?.b < i ? capital(nameOf(run)) : "Code outside the loop", source = () => (b[i] | 0) >= 0 ? "fd " + b[i] : "source " + id;
  const blocked = run?.slow ? ` It ${run.e < NEVER ? "blocked" : "has blocked"} the loop for ${span(took(run))}, and ${whoWaited(run)}.` : "";
  return ({
    RUN_BEGIN: () => tr.hasLoop ? `The loop begins to run${f ? ", on a clock that jumps from timer to timer" : ""}.` : "The program begins.",
    RUN_END: () => `The run is over after ${span(t[i])}${tr.hasLoop ? `: the loop worked for ${span(tr.busy)} and ${tr.asleep ? "slept for " + span(tr.asleep) : "never slept"}` : ""}.` + verdict(),
    TURN: () => `Turn ${id} begins. ` + (b[i] ? `${many(b[i], "item is", "items are")} ready, so the loop may not sleep.` : "Nothing is ready: how long may the loop sleep?"),
    POLL_ENTER: () => `The loop asks the kernel, and may sleep ${maySleep(poll, alive(tr.items, i).length)}.`,
    POLL_EXIT: () => (f ? "A signal wakes the loop: " : poll.why === WHY.ready ? "The kernel answers at once: " : `The kernel wakes the loop after ${span(took(poll))}: `) +
      (id ? many(id, "source is", "sources are") + " ready." : poll.why === WHY.timer && took(poll) > poll.timeout * 0.99 ? "the time is up." : posted(i + 1) ? "another thread has posted something." : "no socket is ready."),
    IO_EVENT: () => `The kernel says that ${source()} is ${["ready", "readable", "writable", "readable and writable"][f & 3]}${f & 8 ? ": it has an error" : f & 4 ? ": its peer has closed" : ""}.`,
    TIMER_SET: () => `${actor} sets timer ${id} for ${span(u64(b[i], c[i]))}, ${span(max(0, u64(b[i], c[i]) - t[i]))} from now.`,
    TIMER_CANCEL: () => `Timer ${id} is cancelled.`,
    TIMER_FIRE: () => `Timer ${id} ${b[i] >= 1000 ? `was due ${span(b[i] * 1000)} ago` : "is due"}, and joins the ready queue.`,
    TASK_SPAWN: (coro = taskAt(i, id).coro) => `${actor} creates ${me()}${coro ? `, ${coro}()` : ""}${at(c[i])}. It does not run yet: it joins the ready queue.`,
    READY() {
      if (f === CAUSE.cancel) return `${me()} is to be cancelled, and joins the ready queue to be told.`;
      if (f === CAUSE.yield) return `${me()} steps back and joins the end of the ready queue.`;
      const waited = holding(taskAt(i, id).spans, i - 1), slept = waited?.s === "~" && waited.wait >= 0;
      return `${capital(causeOf(i))} wakes ${me()}${slept ? `, which waited${at(c[waited.wait])} for ${span(t[i] - t[waited.b])}` : ""}. It is number ${alive(tr.items, i).length} in the ready queue, still without the pen.`;
    },
    WAKE_DUP: () => `${capital(causeOf(i))} wakes ${me()} again. It is in the ready queue already, so nothing changes.`,
    STEP_BEGIN() {
      const late = run.item ? t[i] - t[run.item.b] : 0;
      return `${me()} gets the pen and ${run.wait >= 0 ? `goes on${at(c[run.wait])}.` : b[i] < 2 ? "runs for the first time." : "goes on."}` + (late > doc.patience ? ` It stood ready without it for ${span(late)}.` : "");
    },
    STEP_END: () => (f ? `${me()} ${["", "has finished", "ends as cancelled", "has panicked", "is dropped with its loop"][f]}${run ? " and gives the pen back for good" : ""}.` : `${me()} gives the pen back${run && took(run) ? ` after ${span(took(run))}` : ""}.`) + blocked,
    WAIT: () => f === WAIT.yield ? `${me()} lets the others run first${at(c[i])}.` : `${me()} cannot go on${at(c[i])}: it waits for ${waitsFor(i)}.`,
    WAIT_PROGRESS: () => `Of what ${me()} waits for, ${b[i]} of ${c[i]} are done.`,
    IO_REG: () => `${actor} puts ${source()} on the kernel's list.`,
    IO_DEREG: () => `${capital(sourceName(i, id))} is taken off the kernel's list.`,
    CB_ADD: () => `${actor} schedules callback ${id}${at(c[i])}${f ? `, to be run by timer ${b[i]}` : ": it joins the ready queue"}.`,
    CB_RUN: () => `Callback ${id} gets the pen.`,
    CB_END: () => `Callback ${id} ${f ? "has panicked" : "is done"}.` + blocked,
    FUT_DONE: () => `${actor} fulfils a promise${at(c[i])}.`,
    CANCEL_REQ: () => `${b[i] ? who(i, b[i]) : actor} asks ${me()} to be cancelled.`,
    RESULT_LOST: () => `Nobody looked at the outcome of ${me()}: its panic is logged.`,
    BLOCK_BEGIN: () => `${onTrack} begins “${own(doc.str[b[i]] || "a call")}”${at(id)}, which blocks ${inLoop ? "the loop: nobody else can have the pen" : "this thread alone"}.`,
    BLOCK_END: () => `The blocking call of ${onTrack} is over.`,
    THREAD_BEGIN: () => `${onTrack} begins${at(c[i], ", started at ")}.`,
    PROC_BEGIN: () => `Worker process ${id} begins.`,
    JOIN_BEGIN: () => `${onTrack} waits for the end of ${other}.`,
    JOIN_END: () => `${onTrack} has joined ${other}.`,
    OFFLOAD: () => `${b[i] ? who(i, b[i]) : actor} gives job ${id} to the thread pool${at(c[i])}.`,
    OFFLOAD_RUN: () => `${onTrack} begins job ${id}.`,
    OFFLOAD_DONE: () => `The thread pool returns the result of job ${id}.`,
    CHUNK_BEGIN: () => `${onTrack} begins chunk ${id}: ${many(c[i], "item")} from number ${b[i]} on.`,
    CHUNK_END: () => `${onTrack} has done chunk ${id}.`,
    QUEUE: () => `Queue ${id} holds ${many(b[i], "item")}${c[i] ? " of " + c[i] : ""}${["", ": it is full", ": it is empty"][f] || ""}.`,
    CUT: () => `The recording ends here, while ${!f ? "nobody has the pen" : nameOf(run) + " still runs"}.` + blocked,
    MARK: () => `Mark: ${own(doc.str[id])}.`,
    DROPPED: () => `${many(id, "event")} before this one were not kept.`,
  }[name] || (() => name.endsWith("_END") ? onTrack + " ends." : name + "."))();
}
