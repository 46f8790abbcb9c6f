//! Op lists, control flow, errors, and whose cancellation it was.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use glassloop::{Cancelled, catch_cancel, sleep, yield_now};
use serde_json::Value as Json;

use super::runner::{Actor, Runner, flag, int, list, text};
use super::value::{Error, Outcome, Value, error};

/// Why a list of ops ends before its last one.
pub enum Flow {
    Return(Value),
    Raise(Error),
    /// The task is being cancelled.
    Cancelled(Cancelled),
    /// What the task awaited was cancelled, and the op was told to go on with that.
    Inner(Cancelled),
}

pub type Ran = Result<(), Flow>;
pub type Running = Pin<Box<dyn Future<Output = Ran>>>;

/// How something awaited has ended without a value.
pub enum Failure {
    Error(Error),
    /// Somebody else cancelled it.
    Cancelled,
    /// With the word that stands in the trace, and the error that it is.
    Timeout,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Error(error)
    }
}

/// Awaits; a cancellation of the task goes up.
pub async fn caught<F: IntoFuture>(awaitable: F) -> Result<F::Output, Flow> {
    catch_cancel(awaitable).await.map_err(Flow::Cancelled)
}

/// The body of a block that knows of cancellation itself (a timeout, a group): a cancellation leaves it as one.
pub async fn cancellable(body: Running, inner: Rc<Cell<bool>>) -> Result<Result<(), Value>, Error> {
    match body.await {
        Ok(()) => Ok(Ok(())),
        Err(Flow::Return(value)) => Ok(Err(value)),
        Err(Flow::Raise(error)) => Err(error),
        Err(Flow::Cancelled(cancelled)) => cancelled.raise().await,
        Err(Flow::Inner(cancelled)) => {
            inner.set(true);
            cancelled.raise().await
        }
    }
}

/// What comes out of such a block when it is cancelled.
pub fn left(cancelled: Cancelled, inner: &Cell<bool>) -> Flow {
    match inner.get() {
        true => Flow::Inner(cancelled),
        false => Flow::Cancelled(cancelled),
    }
}

impl Runner {
    /// The body of a task.
    pub async fn coroutine(self: Rc<Self>, label: String, name: &'static str) -> Outcome {
        let actor = Rc::new(Actor::new(label.clone(), Some(label.clone())));
        let outcome = match self.clone().run_coroutine(actor, name).await {
            Ok(()) => Ok(Value::None),
            Err(Flow::Return(value)) => Ok(value),
            Err(Flow::Raise(error)) => Err(error),
            Err(Flow::Cancelled(cancelled) | Flow::Inner(cancelled)) => cancelled.raise().await,
        };
        if outcome.is_err() {
            // An error ends the task even when it has asked itself to cancel.
            let task = glassloop::current_task();
            while task
                .as_ref()
                .is_some_and(|task| task.cancelling() > 0 && task.uncancel() > 0)
            {}
        }
        self.ends.borrow_mut().insert(label, outcome.clone());
        outcome
    }

    pub fn run_coroutine(self: Rc<Self>, actor: Rc<Actor>, name: &'static str) -> Running {
        match self.program["coroutines"][name].as_array() {
            Some(ops) => self.run_ops(actor, ops),
            None => {
                self.refuse(format!("there is no coroutine {name:?}"));
                Box::pin(async { Ok(()) })
            }
        }
    }

    pub fn run_ops(self: Rc<Self>, actor: Rc<Actor>, ops: &'static [Json]) -> Running {
        Box::pin(async move {
            for op in ops {
                let ran = self.clone().run_op(actor.clone(), op).await;
                if matches!(ran, Err(Flow::Cancelled(_))) {
                    actor.asked.set(false);
                    actor.limit_asked.set(false);
                }
                ran?;
            }
            Ok(())
        })
    }

    async fn run_op(self: Rc<Self>, actor: Rc<Actor>, op: &'static Json) -> Ran {
        if let Some(ran) = self.run_now(&actor, op) {
            return ran;
        }
        let milliseconds = int(op, "ms", 0);
        match text(op, "op") {
            "sleep" => {
                let length = Duration::from_millis(milliseconds.max(0) as u64);
                caught(sleep(length)).await?;
                self.log(&actor, format_args!("slept {milliseconds}"));
            }
            "yield" => {
                caught(yield_now()).await?;
                self.log(&actor, "yielded");
            }
            "call" => {
                let name = text(op, "coro");
                let Some(_call) = actor.enter() else {
                    self.refuse(format!("{name:?} is called within calls without end"));
                    return Err(Flow::Return(Value::None));
                };
                let value = match self.clone().run_coroutine(actor.clone(), name).await {
                    Err(Flow::Return(value)) => value,
                    ran => ran.map(|()| Value::None)?,
                };
                self.log(&actor, format_args!("call {name} ok {value}"));
            }
            "repeat" => {
                for _ in 0..int(op, "n", 0) {
                    let body = list(op, "body");
                    self.clone().run_ops(actor.clone(), body).await?;
                }
            }
            "if" => {
                let branch = self.branch(op);
                self.run_ops(actor, branch).await?;
            }
            "try" => return self.run_try(actor, op).await,
            kind => match self.clone().run_waiting(actor.clone(), op) {
                Some(waiting) => return waiting.await,
                None => match self.clone().run_combining(actor, op) {
                    Some(waiting) => return waiting.await,
                    None => self.refuse(format!("unknown op {kind:?}")),
                },
            },
        }
        Ok(())
    }

    async fn run_try(self: Rc<Self>, actor: Rc<Actor>, op: &'static Json) -> Ran {
        let mut ran = self.clone().run_ops(actor.clone(), list(op, "body")).await;
        let handler = match &ran {
            Err(Flow::Cancelled(_) | Flow::Inner(_)) if op.get("on_cancelled").is_some() => {
                self.log(&actor, "caught cancelled");
                if !flag(op, "reraise") {
                    consume();
                }
                Some(list(op, "on_cancelled"))
            }
            Err(Flow::Raise(error)) if op.get("on_error").is_some() => {
                self.log(&actor, format_args!("caught {error}"));
                Some(list(op, "on_error"))
            }
            _ => None,
        };
        if let Some(handler) = handler {
            let handled = self.clone().run_ops(actor.clone(), handler).await;
            // What leaves the handler takes the place of what was caught.
            let again = flag(op, "reraise") && handled.is_ok();
            ran = if again { ran } else { handled };
        }
        if op.get("finally").is_some() {
            self.log(&actor, "finally");
            let last = self.run_ops(actor, list(op, "finally")).await;
            // A return in `finally` does not leave the coroutine in this form; an error or a cancellation does.
            if let Err(Flow::Raise(_) | Flow::Cancelled(_) | Flow::Inner(_)) = last {
                return last;
            }
        }
        ran
    }

    pub fn branch(&self, op: &'static Json) -> &'static [Json] {
        let value = self.variable(text(op, "var"));
        let holds = |key: &str, test: fn(&i64, &i64) -> bool| {
            op[key].as_i64().is_some_and(|limit| test(&value, &limit))
        };
        let yes = holds("lt", i64::lt) || holds("ge", i64::ge) || holds("eq", i64::eq);
        list(op, if yes { "then" } else { "else" })
    }

    pub fn variable(&self, name: &str) -> i64 {
        match self.variables.borrow().get(name) {
            Some(value) => *value,
            None => {
                self.refuse(format!("there is no variable {name:?}"));
                0
            }
        }
    }

    // The end of an op: its line, and what goes up.

    /// Of one that awaited something. It was cancelled, and a limit around it asks the same of the task: that comes first,
    /// and it comes at a suspension.
    pub async fn report_awaited(
        &self,
        actor: &Actor,
        op: &Json,
        what: &str,
        ended: Result<Option<Value>, Failure>,
    ) -> Ran {
        if matches!(ended, Err(Failure::Cancelled)) && actor.limit_asked.get() {
            caught(yield_now()).await?;
        }
        self.report(actor, op, what, ended)
    }

    pub fn report(
        &self,
        actor: &Actor,
        op: &Json,
        what: &str,
        ended: Result<Option<Value>, Failure>,
    ) -> Ran {
        let (line, up) = match ended {
            Ok(None) => ("ok".to_owned(), None),
            Ok(Some(value)) => (format!("ok {value}"), None),
            Err(Failure::Error(error)) => (format!("error {error}"), Some(Flow::Raise(error))),
            // The thing was cancelled, and so is the task: that comes first.
            Err(Failure::Cancelled) if actor.asked.get() => {
                return Err(Flow::Cancelled(Cancelled::new()));
            }
            Err(Failure::Cancelled) => {
                ("cancelled".to_owned(), Some(Flow::Inner(Cancelled::new())))
            }
            Err(Failure::Timeout) => ("timeout".to_owned(), Some(Flow::Raise(error("Timeout")))),
        };
        self.log(actor, format_args!("{what} {line}"));
        match up {
            Some(up) if flag(op, "propagate") => Err(up),
            _ => Ok(()),
        }
    }
}

/// A cancellation was swallowed: the task has no more requests.
fn consume() {
    if let Some(task) = glassloop::current_task() {
        while task.cancelling() > 0 && task.uncancel() > 0 {}
    }
}
