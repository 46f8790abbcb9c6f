// What is wrong with the questions of the run that is open, by the events of its trace alone: a list of complaints.
(() => {
  const file = JSON.parse($("trace").textContent), doc = (file.traces || [file])[app.traces.indexOf(tr)], events = [], names = {};
  for (let at = 0, now = 0; at < doc.ev.length; at += doc.stride) {
    const [dt, kind, flag, , a, b, c] = doc.ev.slice(at, at + doc.stride);
    events.push({ t: now += dt, kind: doc.kinds[kind], flag, a, b, c });
  }
  for (const { kind, a, b } of events) if (kind === "TASK_NAME") names[a] = doc.str[b].replace(/^Task-(?=\d+$)/, "T");
  const nameOf = id => names[id] || "T" + id, idOf = name => +(Object.keys(names).find(id => names[id] === name) || name.slice(1));
  const after = (i, ...kinds) => events.slice(i + 1).find(({ kind }) => kinds.includes(kind));
  const between = (i, until, kind) => events.slice(i + 1, events.indexOf(until)).filter(event => event.kind === kind);
  const total = events.at(-1).t - (doc.dropped ? events[0].t : 0);
  const ns = text => {
    const [, number, unit] = /([\d.]+) (s|ms|µs|ns)/.exec(text);
    return number * { s: 1e9, ms: 1e6, "µs": 1e3, ns: 1 }[unit];
  };
  const near = (p, q, share) => Math.abs(p - q) <= share * q;
  const steps = (i, id) => events.slice(i + 1).filter(({ kind, a }) => kind === "STEP_BEGIN" && a === id).length;
  const ends = (i, ids) => events.slice(i + 1).filter(({ kind, flag, a }) => kind === "STEP_END" && flag && ids.includes(a)).map(({ a }) => nameOf(a)).join(" ");
  // For each kind of question: does all that it says hold?
  const rules = [
    [/^(\d+) (\w+): .*?([\d.]+ \w+), all together ([\d.]+ \S+)\. How long will the run take\?$/, ([, , , longest, sum], { answer, because }) => near(ns(answer), total, 0.06)
      && near(ns(because.includes("one came") ? sum : longest), total, 0.26) && ns(longest) <= total * 1.01 && (because.includes("one came") || ns(sum) > total)],
    [/^(.*) are ready, and none of them will ever have to wait\. In which order will they end\?$/, ([, all], { i, answer }) => {
      const ids = all.split(" ").map(idOf), queued = events.slice(0, i + 1).filter(({ kind, a }) => kind === "READY" && ids.includes(a)).map(({ a }) => nameOf(a)).join(" ");
      return queued === answer && ends(i, ids) === answer && ids.every(id => steps(i, id) === 1) && !events.slice(i + 1).some(({ kind, a }) => kind === "WAIT" && ids.includes(a));
    }],
    [/^(.*): each sleeps until its timer, and then ends\. In which order\?$/, ([, all], { i, answer }) => {
      const ids = all.split(" ").map(idOf), due = id => events.slice(0, i).findLast(({ kind, a }) => kind === "WAIT" && a === id);
      const at = id => events.find(({ kind, a }) => kind === "TIMER_SET" && a === due(id).b), deadline = id => at(id).c * 2 ** 32 + at(id).b;
      return ends(i, ids) === answer && ids.every(id => steps(i, id) === 1 && due(id).flag === 1) && [...ids].sort((p, q) => deadline(p) - deadline(q)).map(nameOf).join(" ") === answer;
    }],
    [/^(.*) will have the pen for (.*)\. What is the loop meanwhile\?$/, ([, name, long], { i, answer, because }) => {
      const end = after(i, "STEP_END", "CB_END"), waits = ({ kind, a }, at) => kind === "READY" && !events.slice(at, events.indexOf(end)).some(event => event.kind === "STEP_BEGIN" && event.a === a);
      return nameOf(events[i].a) === name && near(end.t - events[i].t, ns(long), 0.01) && answer.startsWith("blocked")
        && events.slice(0, events.indexOf(end)).filter(waits).length >= /(\d+) other/.exec(because)[1];
    }],
    [/^Nothing will run for the next (.*)\. What is the loop meanwhile\?$/, ([, long], { i, answer }) => {
      const exit = after(i, "POLL_EXIT");
      return events[i].kind === "POLL_ENTER" && events[i].flag && near(exit.t - events[i].t, ns(long), 0.01) && !between(i, exit, "STEP_BEGIN").length && answer.startsWith("idle");
    }],
    [/^Who gets the pen next\?$/, (_, { i, answer }) => {
      const run = after(i, "STEP_BEGIN", "CB_RUN");
      return answer === (run.kind === "CB_RUN" ? "callback " + run.a : nameOf(run.a));
    }],
    [/^(\S+) will wait(?: at \S+:\d+)?\. What will wake it then\?$/, ([, name], { i, answer }) => {
      const ready = events.slice(i + 1).find(({ kind, a }) => kind === "READY" && a === idOf(name)), waits = after(i, "STEP_END");
      return events[i].a === idOf(name) && between(i, waits, "WAIT").length && answer === { 1: "another task", 3: "a timer", 4: "the kernel, when a socket is ready", 5: "another thread, with a result" }[ready.flag];
    }],
    [/^Nothing is ready\. How long may the loop sleep\?$/, (_, { i, answer }) => {
      const { flag, c } = after(i, "POLL_ENTER"), [, timer] = /^until timer (\d+), at/.exec(answer) || [];
      return flag === 1 ? +timer === c : flag === 2 && answer === "for ever, if nothing happens";
    }],
  ];
  return quiz.list.filter(question => {
    // Around the names stand marks that keep their direction of writing.
    question = JSON.parse(JSON.stringify(question).replace(/[\u2068\u2069]/g, ""));
    const { ask, options, answer, i, see } = question, rule = rules.find(([form]) => form.test(ask));
    const fair = options.length > 1 && options.includes(answer) && new Set(options).size === options.length && see > i;
    return !fair || !rule || !rule[1](rule[0].exec(ask), question);
  }).map(({ i, ask, answer, because }) => [i, ask, answer, because].join(" | "));
})()
