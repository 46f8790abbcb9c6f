//! Ops that do not wait: logging, tasks and futures, callbacks and timers. Callbacks are made of these alone.

use std::rc::Rc;
use std::time::Duration;

use glassloop::Promise;
use serde_json::Value as Json;

use super::flow::{Failure, Flow, Ran};
use super::runner::{Actor, Runner, Thing, int, list, text};
use super::value::{Error, Outcome, State, Value, error};

impl Runner {
    /// Does an op that does not wait; `None` for one that may.
    pub fn run_now(self: &Rc<Self>, actor: &Actor, op: &'static Json) -> Option<Ran> {
        let kind = text(op, "op");
        match kind {
            "log" => self.log(actor, text(op, "text")),
            "return" => return Some(Err(Flow::Return(Value::of(&op["value"])))),
            "raise" => return Some(Err(Flow::Raise(error(text(op, "error"))))),
            "block" => {
                let milliseconds = int(op, "ms", 0);
                self.event_loop.advance(milliseconds_of(milliseconds));
                self.log(actor, format_args!("blocked {milliseconds}"));
            }
            "add" => {
                let name = text(op, "var");
                let value = self.variable(name) + int(op, "n", 1);
                self.variables.borrow_mut().insert(name.to_owned(), value);
                self.log(actor, format_args!("add {name} {value}"));
            }
            "spawn" => return Some(self.spawn(actor, op)),
            "future" => {
                let name = text(op, "as");
                let label = self.fresh(name);
                let promise = self.event_loop.create_promise();
                self.bind(name, &label, Thing::Future(promise));
                self.log(actor, format_args!("future {label}"));
            }
            "cancel"
            | "done"
            | "cancelled"
            | "result"
            | "exception"
            | "set_result"
            | "set_exception"
            | "add_done_callback"
            | "remove_done_callback" => {
                let found = self.future(actor, op);
                return Some(match found {
                    Some((label, promise)) => self.with_future(actor, op, kind, &label, &promise),
                    None => Ok(()),
                });
            }
            "cancelling" | "uncancel" => self.count_requests(actor, op, kind),
            "call_soon" | "call_later" | "call_at" => self.schedule(actor, op, kind),
            "cancel_handle" | "handle_cancelled" => self.with_handle(actor, op, kind),
            "reschedule" | "expired" | "when" => return Some(self.with_timeout(actor, op, kind)),
            _ => return self.use_object(actor, op, kind),
        }
        Some(Ok(()))
    }

    fn spawn(self: &Rc<Self>, actor: &Actor, op: &'static Json) -> Ran {
        let coroutine = text(op, "coro");
        let name = op["as"].as_str().unwrap_or(coroutine);
        let group = match op["group"].as_str() {
            None => None,
            Some(group) => match self.find(actor, group) {
                Some((_, Thing::Group(group))) => Some(group),
                _ => {
                    self.log(actor, format_args!("spawn {name} missing"));
                    return Ok(());
                }
            },
        };
        let label = self.fresh(name);
        let coroutine = self.clone().coroutine(label.clone(), coroutine);
        let spawned = match group {
            None => self.event_loop.create_task(coroutine).map_err(|_| ()),
            Some(group) => group.create_task(coroutine).map_err(|_| ()),
        };
        match spawned {
            Ok(task) => {
                self.add_task(name, &label, &task);
                self.log(actor, format_args!("spawn {label}"));
                Ok(())
            }
            Err(()) => {
                self.take_back(name);
                let refused = Err(Failure::Error(error("GroupClosed")));
                self.report(actor, op, &format!("spawn {name}"), refused)
            }
        }
    }

    fn with_future(
        self: &Rc<Self>,
        actor: &Actor,
        op: &'static Json,
        kind: &str,
        label: &str,
        promise: &Promise<Outcome>,
    ) -> Ran {
        let state = self.state(label, promise);
        let set = |outcome| {
            let set = promise.set_result(outcome).map(|()| None);
            let set = set.map_err(|_| Failure::Error(error("InvalidState")));
            self.report(actor, op, &format!("{kind} {label}"), set)
        };
        let answer = match kind {
            "cancel" => {
                let cancelled = promise.cancel();
                if cancelled && actor.label.as_deref() == Some(label) {
                    actor.asked.set(true);
                }
                cancelled.to_string()
            }
            "done" => promise.done().to_string(),
            "cancelled" => promise.cancelled().to_string(),
            "result" if state == State::Pending => "error InvalidState".to_owned(),
            "result" => state.to_string(),
            "exception" => match state {
                State::Pending => "error InvalidState".to_owned(),
                State::Done(Ok(_)) => "none".to_owned(),
                State::Done(Err(error)) => error.to_string(),
                State::Cancelled => "cancelled".to_owned(),
            },
            "set_result" => return set(Ok(Value::of(&op["value"]))),
            "set_exception" => return set(Err(error(text(op, "error")))),
            "add_done_callback" => {
                let callback = text(op, "cb");
                let (runner, of) = (self.clone(), label.to_owned());
                let call = move |promise: &Promise<Outcome>| {
                    let state = runner.state(&of, promise);
                    runner.call_back(callback, &format!("called {of} {state}"));
                };
                let id = promise.add_done_callback(call);
                let key = (label.to_owned(), callback.to_owned());
                let mut registered = self.done_callbacks.borrow_mut();
                registered.entry(key).or_default().push(id);
                callback.to_owned()
            }
            _ => {
                let callback = text(op, "cb");
                let key = (label.to_owned(), callback.to_owned());
                let ids = self.done_callbacks.borrow_mut().remove(&key);
                let ids = ids.into_iter().flatten();
                let removed = ids.filter(|id| promise.remove_done_callback(*id)).count();
                format!("{callback} {removed}")
            }
        };
        self.log(actor, format_args!("{kind} {label} {answer}"));
        Ok(())
    }

    fn count_requests(&self, actor: &Actor, op: &Json, kind: &str) {
        let found = match op.get("target") {
            None => self.find(actor, "self"),
            Some(_) => self.target(actor, op),
        };
        if let Some((label, Thing::Task(task))) = found {
            let count = match kind {
                "cancelling" => task.cancelling(),
                _ => {
                    let left = task.uncancel();
                    actor.asked.set(actor.asked.get() && left > 0);
                    left
                }
            };
            self.log(actor, format_args!("{kind} {label} {count}"));
        }
    }

    // Callbacks.

    fn schedule(self: &Rc<Self>, actor: &Actor, op: &'static Json, kind: &str) {
        let callback = text(op, "cb");
        let runner = self.clone();
        let call = move || runner.call_back(callback, "run");
        let milliseconds = int(op, "ms", 0);
        let when = milliseconds_of(milliseconds);
        let handle = match kind {
            "call_soon" => self.event_loop.call_soon(call).map(Thing::Handle),
            // What was due before now comes before what is due now.
            "call_later" if milliseconds < 0 => {
                let when = self.event_loop.time();
                let when = when.saturating_sub(Duration::from_millis(milliseconds.unsigned_abs()));
                self.event_loop.call_at(when, call).map(Thing::Timer)
            }
            "call_later" => self.event_loop.call_later(when, call).map(Thing::Timer),
            _ => self.event_loop.call_at(when, call).map(Thing::Timer),
        };
        if let (Some(name), Ok(handle)) = (op["as"].as_str(), handle) {
            let label = self.fresh(name);
            self.bind(name, &label, handle);
        }
        match kind {
            "call_soon" => self.log(actor, format_args!("{kind} {callback}")),
            _ => self.log(actor, format_args!("{kind} {callback} {milliseconds}")),
        }
    }

    /// The callback `name` begins with a line that says `how`, and runs its body.
    fn call_back(self: &Rc<Self>, name: &str, how: &str) {
        if self.is_over() {
            return;
        }
        let actor = Actor::new(format!("cb:{name}"), None);
        self.log(&actor, how);
        let body = list(&self.program["callbacks"], name);
        if let Err(error) = self.run_body(&actor, body) {
            self.log(&actor, format_args!("unhandled {error}"));
        }
    }

    fn run_body(self: &Rc<Self>, actor: &Actor, ops: &'static [Json]) -> Result<(), Error> {
        for op in ops {
            match text(op, "op") {
                "if" => self.run_body(actor, self.branch(op))?,
                "repeat" => {
                    for _ in 0..int(op, "n", 0) {
                        self.run_body(actor, list(op, "body"))?;
                    }
                }
                kind => match self.run_now(actor, op) {
                    Some(Err(Flow::Raise(error))) => return Err(error),
                    Some(Ok(())) => {}
                    _ => self.refuse(format!("op {kind:?} in a callback")),
                },
            }
        }
        Ok(())
    }

    fn with_handle(&self, actor: &Actor, op: &Json, kind: &str) {
        let Some((label, thing)) = self.target(actor, op) else {
            return;
        };
        if kind == "cancel_handle" {
            match &thing {
                Thing::Handle(handle) => handle.cancel(),
                Thing::Timer(timer) => timer.cancel(),
                _ => self.refuse(format!("{label:?} is not a handle")),
            }
            self.log(actor, format_args!("{kind} {label}"));
        } else {
            let cancelled = match &thing {
                Thing::Handle(handle) => handle.cancelled(),
                Thing::Timer(timer) => timer.cancelled(),
                _ => return self.refuse(format!("{label:?} is not a handle")),
            };
            self.log(actor, format_args!("{kind} {label} {cancelled}"));
        }
    }

    fn with_timeout(&self, actor: &Actor, op: &Json, kind: &str) -> Ran {
        let Some((label, Thing::Timeout(timeout))) = self.target(actor, op) else {
            return Ok(());
        };
        match kind {
            "reschedule" => {
                let limit = op["ms"].as_i64().map(milliseconds_of);
                let when = limit.map(|limit| self.event_loop.time() + limit);
                let done = timeout.reschedule(when).map(|()| None);
                let done = done.map_err(|_| Failure::Error(error("TimeoutClosed")));
                return self.report(actor, op, &format!("reschedule {label}"), done);
            }
            "expired" => {
                let expired = timeout.expired();
                self.log(actor, format_args!("expired {label} {expired}"));
            }
            _ => match timeout.when() {
                Some(when) => self.log(actor, format_args!("when {label} {}", when.as_millis())),
                None => self.log(actor, format_args!("when {label} none")),
            },
        }
        Ok(())
    }
}

/// Negative is now, or past.
pub fn milliseconds_of(milliseconds: i64) -> Duration {
    Duration::from_millis(milliseconds.max(0) as u64)
}
