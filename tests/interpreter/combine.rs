//! Ops that await tasks and futures, alone and together: await, gather, wait, wait_for, timeout, as_completed, shield, group.

use std::cell::Cell;
use std::rc::Rc;

use glassloop::{
    ALL_COMPLETED, Cancelled, ChildError, ExceptionGroup, FIRST_COMPLETED, FIRST_EXCEPTION,
    Promise, TaskError, TaskGroup, Timeout, TimeoutError, as_completed, create_task, gather,
    shield, try_gather, try_wait, wait_for,
};
use serde_json::Value as Json;

use super::flow::{Failure, Flow, Ran, Running, cancellable, caught, left};
use super::runner::{Actor, Runner, Thing, flag, list, text};
use super::tasks::milliseconds_of;
use super::value::{Error, Outcome, Value, error};

impl Runner {
    /// An op of this file; `None` if it is none.
    pub fn run_combining(self: Rc<Self>, actor: Rc<Actor>, op: &'static Json) -> Option<Running> {
        Some(match text(op, "op") {
            "await" => Box::pin(self.run_await(actor, op)),
            "gather" => Box::pin(self.run_gather(actor, op)),
            "wait" => Box::pin(self.run_wait(actor, op)),
            "wait_for" => Box::pin(self.run_wait_for(actor, op)),
            "timeout" => Box::pin(self.run_timeout(actor, op)),
            "as_completed" => Box::pin(self.run_as_completed(actor, op)),
            "shield" => Box::pin(self.run_shield(actor, op)),
            "group" => Box::pin(self.run_group(actor, op)),
            _ => return None,
        })
    }

    /// What awaiting has given. An error that a group has taken is known from the end of the task.
    fn awaited(&self, label: &str, outcome: Result<Outcome, TaskError>) -> Result<Value, Failure> {
        match outcome {
            Ok(outcome) => Ok(outcome?),
            Err(TaskError::Cancelled) => Err(Failure::Cancelled),
            Err(_) => match self.ends.borrow().get(label) {
                Some(outcome) => Ok(outcome.clone()?),
                None => Err(Failure::Error(error("Panic"))),
            },
        }
    }

    async fn run_await(self: Rc<Self>, actor: Rc<Actor>, op: &'static Json) -> Ran {
        let Some((label, promise)) = self.future(&actor, op) else {
            return Ok(());
        };
        let outcome = caught(&promise).await?;
        let ended = self.awaited(&label, outcome).map(Some);
        self.report_awaited(&actor, op, &format!("await {label}"), ended)
            .await
    }

    async fn run_gather(self: Rc<Self>, actor: Rc<Actor>, op: &'static Json) -> Ran {
        let children = self.targets(&actor, op);
        if children.is_empty() && !list(op, "of").is_empty() {
            return Ok(());
        }
        let gathered = gathered(children, flag(op, "return_exceptions"));
        let Some(name) = op["as"].as_str() else {
            let ended = caught(gathered).await?.map(Some);
            return self.report_awaited(&actor, op, "gather", ended).await;
        };
        let kept = create_task(async move {
            match gathered.await {
                Ok(value) => Ok(value),
                Err(Failure::Error(error)) => Err(error),
                Err(_) => Cancelled::new().raise().await,
            }
        });
        let label = self.fresh(name);
        self.bind(name, &label, Thing::Future((*kept).clone()));
        self.log(&actor, format_args!("gather {label}"));
        Ok(())
    }

    async fn run_wait(self: Rc<Self>, actor: Rc<Actor>, op: &'static Json) -> Ran {
        let items = self.targets(&actor, op);
        if items.is_empty() {
            return Ok(());
        }
        let promises = items.iter().map(|(_, promise)| promise.clone());
        let mut waiting = try_wait(promises).return_when(match op["when"].as_str() {
            Some("FIRST_COMPLETED") => FIRST_COMPLETED,
            Some("FIRST_EXCEPTION") => FIRST_EXCEPTION,
            _ => ALL_COMPLETED,
        });
        if let Some(limit) = op["ms"].as_i64() {
            waiting = waiting.timeout(milliseconds_of(limit));
        }
        let (done, pending) = caught(waiting).await?.unwrap_or_default();
        let labels = |part: &[Promise<Outcome>]| {
            let of = |promise| items.iter().find(|(_, item)| item == promise);
            let mut labels: Vec<_> = part.iter().filter_map(of).map(|item| &*item.0).collect();
            labels.sort_unstable();
            labels.join(", ")
        };
        let (done, pending) = (labels(&done), labels(&pending));
        self.log(
            &actor,
            format_args!("wait done=[{done}] pending=[{pending}]"),
        );
        Ok(())
    }

    async fn run_wait_for(self: Rc<Self>, actor: Rc<Actor>, op: &'static Json) -> Ran {
        let limit = op["ms"].as_i64().map(milliseconds_of);
        if let Some(name) = op["coro"].as_str() {
            let runner = self.clone();
            let body_actor = actor.clone();
            // In this form an inner cancellation is an ordinary end: it is not the limit's, nor the task's.
            let body = async move {
                match runner.run_coroutine(body_actor, name).await {
                    Ok(()) => Ok(Value::None),
                    Err(Flow::Return(value)) => Ok(value),
                    Err(Flow::Raise(error)) => Err(Failure::Error(error)),
                    Err(Flow::Inner(_)) => Err(Failure::Cancelled),
                    Err(Flow::Cancelled(cancelled)) => cancelled.raise().await,
                }
            };
            let ended = caught(wait_for(body, limit)).await?;
            let ended = ended.unwrap_or(Err(Failure::Timeout)).map(Some);
            let ended = ended.map_err(as_limits);
            return self
                .report_awaited(&actor, op, &format!("wait_for {name}"), ended)
                .await;
        }
        let Some((label, promise)) = self.future(&actor, op) else {
            return Ok(());
        };
        let ended = match caught(wait_for(&promise, limit)).await? {
            Ok(outcome) => self.awaited(&label, outcome).map(Some),
            Err(TimeoutError) => Err(Failure::Timeout),
        };
        let ended = ended.map_err(as_limits);
        self.report_awaited(&actor, op, &format!("wait_for {label}"), ended)
            .await
    }

    async fn run_timeout(self: Rc<Self>, actor: Rc<Actor>, op: &'static Json) -> Ran {
        let name = text(op, "as");
        let label = self.fresh(name);
        let timeout = Timeout::new(op["ms"].as_i64().map(milliseconds_of));
        self.bind(name, &label, Thing::Timeout(timeout.clone()));
        let inner = Rc::new(Cell::new(false));
        let body = self.clone().run_ops(actor.clone(), list(op, "body"));
        actor.limits.borrow_mut().push(timeout.clone());
        let ran = caught(timeout.run(cancellable(body, inner.clone()))).await;
        actor.limits.borrow_mut().pop();
        let ran = ran.map_err(|flow| as_left(flow, &inner))?;
        match ran {
            Err(TimeoutError) => {
                self.log(&actor, format_args!("timeout {label} expired"));
                match flag(op, "propagate") {
                    true => Err(Flow::Raise(error("Timeout"))),
                    false => Ok(()),
                }
            }
            Ok(Err(error)) => Err(Flow::Raise(error)),
            Ok(Ok(ended)) => {
                self.log(&actor, format_args!("timeout {label} ok"));
                ended.map_err(Flow::Return)
            }
        }
    }

    async fn run_as_completed(self: Rc<Self>, actor: Rc<Actor>, op: &'static Json) -> Ran {
        let items = self.targets(&actor, op);
        let mut stream = as_completed(items.iter().map(|(_, promise)| promise.clone()));
        if let Some(limit) = op["ms"].as_i64() {
            stream = stream.timeout(milliseconds_of(limit));
        }
        while let Some(next) = caught(stream.next()).await? {
            let Ok(promise) = next else {
                self.log(&actor, "as_completed timeout");
                return match flag(op, "propagate") {
                    true => Err(Flow::Raise(error("Timeout"))),
                    false => Ok(()),
                };
            };
            for (label, _) in items.iter().filter(|(_, item)| *item == promise).take(1) {
                let state = self.state(label, &promise);
                self.log(&actor, format_args!("as_completed {label} {state}"));
            }
        }
        self.log(&actor, "as_completed end");
        Ok(())
    }

    async fn run_shield(self: Rc<Self>, actor: Rc<Actor>, op: &'static Json) -> Ran {
        let Some((label, promise)) = self.future(&actor, op) else {
            return Ok(());
        };
        let outer = shield(&promise);
        if let Some(name) = op["as"].as_str() {
            let kept = self.fresh(name);
            self.bind(name, &kept, Thing::Future(outer));
            self.log(&actor, format_args!("shield {label} as {kept}"));
            return Ok(());
        }
        let outcome = caught(&outer).await?;
        let ended = self.awaited(&label, outcome).map(Some);
        self.report_awaited(&actor, op, &format!("shield {label}"), ended)
            .await
    }

    async fn run_group(self: Rc<Self>, actor: Rc<Actor>, op: &'static Json) -> Ran {
        let name = text(op, "as");
        let label = self.fresh(name);
        let group = TaskGroup::new();
        self.bind(name, &label, Thing::Group(group.clone()));
        let inner = Rc::new(Cell::new(false));
        let body = self.clone().run_ops(actor.clone(), list(op, "body"));
        let expired = actor.expired();
        let ran = caught(group.run(cancellable(body, inner.clone()))).await;
        match ran.map_err(|flow| as_left(flow, &inner))? {
            Ok(ended) => {
                self.log(&actor, format_args!("group {label} ok"));
                ended.map_err(Flow::Return)
            }
            Err(group) => {
                let errors = error_names(&group);
                // A request that the errors have overtaken is made again.
                let task = glassloop::current_task();
                actor
                    .asked
                    .set(task.is_some_and(|task| task.cancelling() > 0));
                actor.limit_asked.set(actor.expired() > expired);
                self.log(&actor, format_args!("group {label} errors [{errors}]"));
                match flag(op, "propagate") {
                    true => Err(Flow::Raise(Error(format!("group[{errors}]")))),
                    false => Ok(()),
                }
            }
        }
    }
}

/// A `Timeout` of what `wait_for` awaits is not told from its own.
fn as_limits(failure: Failure) -> Failure {
    match failure {
        Failure::Error(Error(name)) if name == "Timeout" => Failure::Timeout,
        other => other,
    }
}

async fn gathered(
    children: Vec<(String, Promise<Outcome>)>,
    return_exceptions: bool,
) -> Result<Value, Failure> {
    let promises: Vec<_> = children.iter().map(|(_, promise)| promise).collect();
    if return_exceptions {
        let outcomes = gather(promises).return_exceptions().await;
        let values = outcomes.into_iter().map(|outcome| match outcome {
            Ok(Ok(value)) => Value::clone(&value),
            Ok(Err(error)) => Value::Failed(error),
            Err(_) => Value::Cancelled,
        });
        return Ok(Value::List(values.collect()));
    }
    match try_gather(promises).await {
        Ok(values) => Ok(Value::List(values)),
        Err(ChildError::Failed(error)) => Err(Failure::Error(error)),
        Err(ChildError::Task(_)) => Err(Failure::Cancelled),
    }
}

fn as_left(flow: Flow, inner: &Cell<bool>) -> Flow {
    match flow {
        Flow::Cancelled(cancelled) => left(cancelled, inner),
        other => other,
    }
}

fn error_names(group: &ExceptionGroup<Error>) -> String {
    let names = group.errors.iter().map(|error| match error {
        ChildError::Failed(Error(name)) => name.clone(),
        ChildError::Task(error) => error.to_string(),
    });
    names.collect::<Vec<_>>().join(", ")
}
