// Predict, then see: questions whose answers the trace knows. { i, ask, options, answer, see, because }.

const quiz = { list: [], at: 0, right: 0, wrong: 0 };
const score = () => dim(`✓ ${quiz.right}  ✗ ${quiz.wrong}`);

function question(i, ask, answer, others, see, because) {
  // The right answer is not always the first, but the order is the same each time.
  const key = text => (i + text.length * 5) % 11, options = [...new Set([answer, ...others])].slice(0, 4).sort((p, q) => key(p) - key(q));
  return options.length > 1 && { i, ask, options, answer, see, because };
}
const makers = [
  // How long will it all take? Where the waits, or the work of threads, explain it. Servers and the like, which end with the loop, do not count.
  i => {
    if (i !== tr.stop[0]) return;
    const flies = ({ s, wait }) => s === "~" && wait >= 0 && FLYING.includes(tr.flag[wait]), works = ({ what, depth, e }) => what !== "life" && what !== "join" && !depth && e < NEVER;
    const kinds = [tr.tasks.filter(task => task.end === 1).map(task => task.spans.filter(flies)), tr.tracks.map(({ bars }) => bars.filter(works))].map(rows => rows.filter(row => row[0]));
    const rows = kinds[+!kinds[0][0]], each = rows[1] ? rows : rows.flat().map(life => [life]), all = each.map(row => row.reduce((sum, life) => sum + took(life), 0));
    if (kinds[0][0] && kinds[1][0] || !all[1]) return;
    const sum = all.reduce((p, q) => p + q, 0), most = max(...all), { total } = tr, about = ns => "about " + span(+ns.toPrecision(2)).replace(/\.0+\x20/, " "), near = ns => max(ns, total) < 1.25 * min(ns, total);
    const others = [sum, most, sum / 2, most * 2].filter(ns => !near(ns)), type = tr.tracks.at(-1).type, [one, does, more] = !rows[1] ? ["wait", "takes"] : rows === kinds[0] ? ["task", "waits"] : [type, "is at work for", type === "process" ? "processes" : undefined];
    return (near(sum) || near(most)) && question(i, `${many(all.length, one, more)}: the longest ${does} ${span(most)}, all together ${span(sum)}. How long will the run take?`, about(total), others.map(about),
      tr.n - 1, `It took ${span(total)}: ` + (near(sum) ? "one came after the other." : "they overlap, so their sum does not count."));
  },
  // In which order do they end? Where one can know it: of tasks that never wait, or that end after one timer each.
  i => {
    const run = tr.kind[i] === K.WAIT && runAt(i), poll = tr.kind[i] === K.POLL_ENTER && holding(tr.polls, i), names = tasks => tasks.map(short).join(" ");
    const sleeps = ({ task, id }) => { const wait = task ? waitAt(task, i) : -1; return wait >= 0 && tr.flag[wait] === WAIT.timer && tr.b[wait] === id; };
    const first = run?.task ? run.task.children.filter(task => task.b < i && task.e > i) : poll?.why === WHY.timer ? timersAt(i).filter(sleeps).map(timer => timer.task) : [];
    const made = [...first].sort((p, q) => p.b - q.b), ended = [...first].sort((p, q) => p.e - q.e), onlyOnce = ({ runs }) => runs.length - upTo(runs, i) === 2;
    if (made.length < 3 || made.length > 10 || names(ended) !== names(first) || made.some(task => task.end !== 1 || !onlyOnce(task) || run && stateAt(task, i) !== "q")) return;
    return question(i, run ? `${names(made)} are ready, and none of them will ever have to wait. In which order will they end?` : `${names(made)}: each sleeps until its timer, and then ends. In which order?`,
      names(ended), [made, [...made].reverse(), [...made.slice(1), made[0]]].map(names), ended[0].e, run ? "Who never waits runs to its end, in the order of the ready queue." : "Whose timer is due first, ends first.");
  },
  // Blocked or idle?
  i => {
    const run = tr.kind[i] === K.STEP_BEGIN && runAt(i), poll = tr.kind[i] === K.POLL_ENTER && holding(tr.polls, i), idle = "idle: nobody could run", stuck = "blocked: others are ready, but cannot run";
    if (run?.slow && victims(run)[0]) return question(i, `${nameOf(run)} will have the pen for ${span(took(run))}. What is the loop meanwhile?`, stuck, [idle, "busy: it runs the others as well"], run.e, `A step ends only at an .await that waits. ${capital(whoWaited(run))}.`);
    return poll && poll.why && took(poll) > tr.total / 20 && question(i, `Nothing will run for the next ${span(took(poll))}. What is the loop meanwhile?`, idle, [stuck, "spinning: it asks again and again"], poll.e, "The ready queue is empty, and the thread sleeps in the kernel. That costs nothing.");
  },
  // Who runs next?
  i => {
    if (tr.kind[i] !== K.STEP_END && tr.kind[i] !== K.CB_END) return;
    const queue = alive(tr.items, i), run = tr.runs[upTo(tr.runs, i) + 1];
    if (queue.length < 2 || !run || queue[0] !== run.item || run.item.what === "timer") return;
    const waiting = alive(tr.tasks, i).filter(task => stateAt(task, i) === "~").slice(0, 1).map(short);
    return question(i, "Who gets the pen next?", nameOf(run), [...queue.slice(-1).map(itemName), ...waiting, "nobody: the loop sleeps"], run.b, capital(nameOf(run)) + " stood first in the ready queue.");
  },
  // Who will wake it? Asked before it says so itself.
  i => {
    const run = tr.kind[i] === K.STEP_BEGIN && runAt(i), w = run ? waitAt(run.task, run.e) : -1, then = run && run.task.runs[run.at + 1];
    const wakers = { [CAUSE.timer]: "a timer", [CAUSE.io]: "the kernel, when a socket is ready", [CAUSE.thread]: "another thread, with a result", [CAUSE.task]: "another task" }, right = w >= 0 && then?.item && wakers[tr.flag[then.item.b]];
    return right && question(i, `${short(run.task)} will wait${at(tr.c[w])}. What will wake it then?`, right, Object.values(wakers), then.item.b, `It waited for ${waitsFor(w)}, and ${causeOf(then.item.b)} woke it after ${span(tr.t[then.item.b] - tr.t[w])}.`);
  },
  // How long will the kernel sleep?
  i => {
    if (tr.kind[i] !== K.TURN) return;
    const { poll } = tr.turns[upTo(tr.turns, i)], live = timersAt(i), until = timer => `until timer ${timer.id}, at ${span(timer.due)}`, ever = "for ever, if nothing happens";
    if (!poll || poll.why !== WHY.none && (poll.why !== WHY.timer || !live[0] || live[0].id !== poll.timer || !poll.timeout)) return;
    return question(i, "Nothing is ready. How long may the loop sleep?", live[0] ? until(live[0]) : ever, ["not at all", ever, live[1] ? until(live[live.length - 1]) : "a millisecond, to look again"], poll.b, live[0] ? "The timer that is due next ends the sleep at the latest." : "No timer is set: only a socket or another thread can wake the loop.");
  },
];
// A dozen questions in the order of the run, of each kind a few.
function makeQuestions() {
  const found = [], used = makers.map(() => 0), gap = tr.stop.length / 50;
  let free = 0;
  tr.stop.forEach((i, s) => {
    for (const at of found.length < 14 ? makers.keys() : []) {
      const made = used[at] < (s < free ? 1 : 2) && makers[at](i);
      if (!made) continue;
      used[at]++;
      found.push(made);
      free = s + gap;
      return;
    }
  });
  return found;
}
function startQuiz() {
  Object.assign(quiz, { list: makeQuestions(), at: -1, right: 0, wrong: 0 });
  ask();
}
function ask() {
  const now = quiz.list[++quiz.at];
  app.veil = now ? now.i : NEVER;
  if (!now) return card(h("b", "No more questions."), score(), button("Done", () => setMode("")));
  goTo(now.i);
  card(h("fieldset", h("legend", now.ask), ...now.options.map(text => button(text, () => answer(now, text)))), score());
}
// The answer is shown at the step that proves it.
function answer(now, text) {
  const right = text === now.answer;
  quiz[right ? "right" : "wrong"]++;
  app.veil = NEVER;
  goTo(now.see);
  card(h(right ? "p.right" : "p.wrong", h("b", right ? "✓ Right. " : `✗ No: ${now.answer}. `), now.because), button("Next question", ask), score());
}
