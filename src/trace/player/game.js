// You are the loop: the future is hidden, and the learner says what to do next. What the loop would not do is explained.

let decision = 0, said = "";

// Decisions are: for how long to sleep, and whom to give the pen. Asking the kernel in passing goes by itself.
function decide(from) {
  const decides = i => [K.STEP_BEGIN, K.CB_RUN].includes(tr.kind[i]) || tr.kind[i] === K.POLL_ENTER && [WHY.timer, WHY.none].includes(tr.flag[i]);
  for (decision = from + 1; decision < tr.n && !decides(decision);) decision++;
  app.veil = decision < tr.n ? decision - 1 : NEVER;
  goTo(decision - 1);
  showGame();
}
function startGame() {
  Object.assign(quiz, { right: 0, wrong: 0 });
  said = "Who gets the pen, or for how long do you sleep?";
  decide(app.i < tr.n - 1 ? app.i : 0);
}
const next = () => tr.kind[decision] === K.POLL_ENTER ? null : tr.runs[upTo(tr.runs, decision)];
const whose = run => run && (run.task || run.callback);
// Why not? Nothing, if it is right.
function objection(who, sleep) {
  const i = decision - 1, run = next(), timer = timersAt(i)[0];
  if (sleep && run) return `${capital(nameOf(run))} is ready: a loop that sleeps now lets it stand there for nothing.`;
  if (sleep === 1) return "Nothing is ready: a loop that does not sleep now spins, and burns the processor.";
  if (sleep === 2 && !timer) return "No timer is set: only the kernel can wake you.";
  if (sleep === 3 && timer) return `Timer ${timer.id} is due at ${span(timer.due)}: you would sleep through it.`;
  if (sleep || whose(run) === who) return "";
  const item = alive(tr.items, i).find(item => item.of === who);
  if (item) return `${capital(itemName(item))} is ready, but ${nameOf(run)} stood in the queue before it: first in, first out.`;
  const wait = waitAt(who, i);
  return `${short(who)} is not ready` + (wait < 0 ? "." : `: it waits for ${waitsFor(wait)}.`);
}
function choose(who, sleep) {
  const wrong = objection(who, sleep);
  quiz[wrong ? "wrong" : "right"]++;
  said = wrong ? "✗ " + wrong : "✓ " + say(decision);
  if (wrong) showGame(); else decide(decision);
}
function showGame() {
  if (decision >= tr.n) return card(h("b", "The run is over, and you were the loop."), score(), button("Done", () => setMode("")));
  const i = decision - 1, run = next(), tasks = new Set(alive(tr.tasks, i).slice(0, 12)), calls = alive(tr.items, i).filter(item => item.what === "callback").slice(0, 4);
  if (run?.task) tasks.add(run.task);
  card(h(said[0] === "✗" ? "p.wrong" : "p.right", { role: "status" }, said),
    h("fieldset", h("legend", "Give the pen to"), ...[...tasks].map(task => button(short(task), () => choose(task))), ...calls.map(item => button(itemName(item), () => choose(item.of)))),
    h("fieldset", h("legend", "or sleep"), ...["not at all", "until the next timer", "for ever"].map((text, at) => button(text, () => choose(null, at + 1)))), score());
}
