//! Ops on locks, semaphores, conditions, events, barriers and queues.

use std::future::Future;
use std::rc::Rc;

use glassloop::Promise;
use glassloop::sync::{
    Barrier, BoundedSemaphore, Condition, Event, GetError, LifoQueue, Lock, PriorityQueue,
    PutError, Queue, Semaphore,
};
use serde_json::Value as Json;

use super::flow::{Failure, Flow, Ran, Running, caught};
use super::runner::{Actor, BadProgram, Runner, Thing, flag, int, list, text};
use super::value::{Value, error};

#[derive(Clone)]
pub enum Object {
    Event(Event),
    Lock(Lock),
    Semaphore(Semaphore),
    Bounded(BoundedSemaphore),
    Condition(Condition),
    Barrier(Barrier),
    Fifo(Queue<Value>),
    /// Its values are integers.
    Priority(PriorityQueue<i64, ()>),
    Lifo(LifoQueue<Value>),
}

/// Does the same with a queue of any kind.
macro_rules! with_queue {
    ($object:expr, $queue:ident => $body:expr) => {
        match $object {
            Object::Fifo($queue) => Some($body),
            Object::Priority($queue) => Some($body),
            Object::Lifo($queue) => Some($body),
            _ => None,
        }
    };
}

impl Runner {
    pub fn declare(&self, name: &str, spec: &Json) -> Result<(), BadProgram> {
        let size = |key: &str, default| int(spec, key, default).max(0) as usize;
        let object = match text(spec, "type") {
            "future" => {
                let promise: Promise<_> = self.event_loop.create_promise();
                let label = self.fresh(name);
                self.bind(name, &label, Thing::Future(promise));
                return Ok(());
            }
            "var" => {
                let value = int(spec, "value", 0);
                self.variables.borrow_mut().insert(name.to_owned(), value);
                return Ok(());
            }
            "event" => Object::Event(Event::new()),
            "lock" => Object::Lock(Lock::new()),
            "semaphore" => Object::Semaphore(Semaphore::new(size("value", 1))),
            "bounded_semaphore" => Object::Bounded(BoundedSemaphore::new(size("value", 1))),
            "condition" => Object::Condition(match spec["lock"].as_str() {
                None => Condition::new(),
                Some(lock) => match self.objects.borrow().get(lock) {
                    Some(Object::Lock(lock)) => Condition::with_lock(lock),
                    _ => return Err(BadProgram(format!("{lock:?} is not a lock"))),
                },
            }),
            "barrier" => Object::Barrier(Barrier::new(size("parties", 1).max(1))),
            "queue" => match spec["kind"].as_str() {
                Some("priority") => Object::Priority(PriorityQueue::new(size("maxsize", 0))),
                Some("lifo") => Object::Lifo(LifoQueue::new(size("maxsize", 0))),
                _ => Object::Fifo(Queue::new(size("maxsize", 0))),
            },
            other => return Err(BadProgram(format!("unknown type {other:?} of {name:?}"))),
        };
        self.objects.borrow_mut().insert(name.to_owned(), object);
        Ok(())
    }

    fn object(&self, op: &Json) -> Option<(String, Object)> {
        let name = text(op, "obj");
        let object = self.objects.borrow().get(name).cloned();
        if object.is_none() {
            self.refuse(format!("there is no object {name:?} for {op}"));
        }
        Some((name.to_owned(), object?))
    }

    /// An op on an object that does not wait; `None` if it is none of these.
    pub fn use_object(&self, actor: &Actor, op: &'static Json, kind: &str) -> Option<Ran> {
        let known = [
            "release",
            "locked",
            "event_set",
            "event_clear",
            "event_is_set",
            "cond_notify",
            "cond_notify_all",
            "barrier_state",
            "put_nowait",
            "get_nowait",
            "task_done",
            "shutdown",
            "qsize",
            "queue_empty",
            "queue_full",
        ];
        if !known.contains(&kind) {
            return None;
        }
        let Some((name, object)) = self.object(op) else {
            return Some(Ok(()));
        };
        let what = format!("{kind} {name}");
        // An op that can fail, one that has an answer, or one that only happens.
        let tried = match (kind, &object) {
            ("release", object) => Some(release(object).map(|()| None)),
            ("cond_notify", Object::Condition(condition)) => {
                let notified = condition.notify(int(op, "n", 1).max(0) as usize);
                Some(notified.map(|()| None).map_err(|_| "NotAcquired"))
            }
            ("cond_notify_all", Object::Condition(condition)) => Some(
                condition
                    .notify_all()
                    .map(|()| None)
                    .map_err(|_| "NotAcquired"),
            ),
            ("put_nowait", object) => Some(put_nowait(object, &op["value"]).map(|()| None)),
            ("get_nowait", object) => Some(get_nowait(object).map(Some)),
            ("task_done", object) => with_queue!(object, queue => queue.task_done())
                .map(|done| done.map(|()| None).map_err(|_| "TooManyTaskDone")),
            _ => None,
        };
        if let Some(tried) = tried {
            let tried = tried.map_err(|name| Failure::Error(error(name)));
            return Some(self.report(actor, op, &what, tried));
        }
        let answer = match (kind, &object) {
            ("locked", object) => locked(object).map(|locked| format!(" {locked}")),
            ("event_is_set", Object::Event(event)) => Some(format!(" {}", event.is_set())),
            ("event_set", Object::Event(event)) => {
                event.set();
                Some(String::new())
            }
            ("event_clear", Object::Event(event)) => {
                event.clear();
                Some(String::new())
            }
            ("barrier_state", Object::Barrier(barrier)) => {
                let (waiting, broken) = (barrier.n_waiting(), barrier.broken());
                Some(format!(" waiting={waiting} broken={broken}"))
            }
            ("shutdown", object) => {
                with_queue!(object, queue => queue.shutdown(flag(op, "immediate")))
                    .map(|()| String::new())
            }
            ("qsize", object) => with_queue!(object, queue => format!(" {}", queue.qsize())),
            ("queue_empty", object) => with_queue!(object, queue => format!(" {}", queue.empty())),
            (_, object) => with_queue!(object, queue => format!(" {}", queue.full())),
        };
        match answer {
            Some(answer) => self.log(actor, format_args!("{what}{answer}")),
            None => self.refuse(format!("{name:?} cannot do {kind:?}")),
        }
        Some(Ok(()))
    }

    /// An op on an object that may wait; `None` if it is none of these.
    pub fn run_waiting(self: Rc<Self>, actor: Rc<Actor>, op: &'static Json) -> Option<Running> {
        let kind = text(op, "op");
        let known = [
            "acquire",
            "with",
            "event_wait",
            "cond_wait",
            "cond_wait_for",
            "barrier_wait",
            "barrier_abort",
            "barrier_reset",
            "put",
            "get",
            "join",
        ];
        if !known.contains(&kind) {
            return None;
        }
        let Some((name, object)) = self.object(op) else {
            return Some(Box::pin(async { Ok(()) }));
        };
        let what = format!("{kind} {name}");
        Some(match (kind, object) {
            ("acquire", object) => Box::pin(async move {
                acquire(object).await?;
                self.report(&actor, op, &what, Ok(None))
            }),
            ("with", object) => Box::pin(self.run_with(actor, op, name, object)),
            ("event_wait", Object::Event(event)) => Box::pin(async move {
                caught(event.wait()).await?;
                self.report(&actor, op, &what, Ok(None))
            }),
            ("cond_wait", Object::Condition(condition)) => Box::pin(async move {
                let waited = caught(condition.wait()).await?;
                let waited = waited.map(|()| None).map_err(|_| "NotAcquired");
                self.finish(&actor, op, &what, waited)
            }),
            ("cond_wait_for", Object::Condition(condition)) => Box::pin(async move {
                let (variable, least) = (text(op, "var"), int(op, "ge", 0));
                let runner = self.clone();
                let predicate = move || runner.variable(variable) >= least;
                let waited = caught(condition.wait_for(predicate)).await?;
                let waited = waited.map(|()| None).map_err(|_| "NotAcquired");
                self.finish(&actor, op, &what, waited)
            }),
            ("barrier_wait", Object::Barrier(barrier)) => Box::pin(async move {
                let waited = caught(barrier.wait()).await?;
                let waited = waited.map(|index| Some(Value::Int(index as i64)));
                self.finish(&actor, op, &what, waited.map_err(|_| "BrokenBarrier"))
            }),
            ("barrier_abort", Object::Barrier(barrier)) => Box::pin(async move {
                caught(barrier.abort()).await?;
                self.report(&actor, op, &what, Ok(None))
            }),
            ("barrier_reset", Object::Barrier(barrier)) => Box::pin(async move {
                caught(barrier.reset()).await?;
                self.report(&actor, op, &what, Ok(None))
            }),
            ("put", Object::Fifo(queue)) => {
                let put = queue.put(Value::of(&op["value"]));
                Box::pin(self.run_put(actor, op, what, put))
            }
            ("put", Object::Lifo(queue)) => {
                let put = queue.put(Value::of(&op["value"]));
                Box::pin(self.run_put(actor, op, what, put))
            }
            ("put", Object::Priority(queue)) => {
                let put = queue.put((int(op, "value", 0), ()));
                Box::pin(self.run_put(actor, op, what, put))
            }
            ("get", Object::Fifo(queue)) => {
                let get = async move { queue.get().await.ok() };
                Box::pin(self.run_get(actor, op, what, get))
            }
            ("get", Object::Lifo(queue)) => {
                let get = async move { queue.get().await.ok() };
                Box::pin(self.run_get(actor, op, what, get))
            }
            ("get", Object::Priority(queue)) => {
                let get =
                    async move { queue.get().await.ok().map(|(value, ())| Value::Int(value)) };
                Box::pin(self.run_get(actor, op, what, get))
            }
            ("join", object) => match with_queue!(&object, queue => queue.join()) {
                Some(join) => Box::pin(async move {
                    caught(join).await?;
                    self.report(&actor, op, &what, Ok(None))
                }),
                None => self.misused(what),
            },
            _ => self.misused(what),
        })
    }

    fn misused(&self, what: String) -> Running {
        self.refuse(format!("the object cannot do {what:?}"));
        Box::pin(async { Ok(()) })
    }

    fn finish(
        &self,
        actor: &Actor,
        op: &Json,
        what: &str,
        ended: Result<Option<Value>, &str>,
    ) -> Ran {
        let ended = ended.map_err(|name| Failure::Error(error(name)));
        self.report(actor, op, what, ended)
    }

    async fn run_put<T>(
        self: Rc<Self>,
        actor: Rc<Actor>,
        op: &'static Json,
        what: String,
        put: impl Future<Output = Result<(), T>>,
    ) -> Ran {
        let put = caught(put).await?;
        let put = put.map(|()| None).map_err(|_| "QueueShutDown");
        self.finish(&actor, op, &what, put)
    }

    async fn run_get(
        self: Rc<Self>,
        actor: Rc<Actor>,
        op: &'static Json,
        what: String,
        get: impl Future<Output = Option<Value>>,
    ) -> Ran {
        let value = caught(get).await?;
        self.finish(&actor, op, &what, value.map(Some).ok_or("QueueShutDown"))
    }

    async fn run_with(
        self: Rc<Self>,
        actor: Rc<Actor>,
        op: &'static Json,
        name: String,
        object: Object,
    ) -> Ran {
        acquire(object.clone()).await?;
        self.log(&actor, format_args!("enter {name}"));
        let ran = self.clone().run_ops(actor.clone(), list(op, "body")).await;
        match release(&object) {
            Ok(()) => {
                self.log(&actor, format_args!("exit {name} ok"));
                ran
            }
            Err(error_name) => {
                self.log(&actor, format_args!("exit {name} error {error_name}"));
                Err(Flow::Raise(error(error_name)))
            }
        }
    }
}

/// Acquires for an op that another op releases, so without a guard.
async fn acquire(object: Object) -> Ran {
    match object {
        Object::Lock(lock) => caught(lock.acquire()).await?.forget(),
        Object::Condition(condition) => caught(condition.acquire()).await?.forget(),
        Object::Semaphore(semaphore) => caught(semaphore.acquire()).await?.forget(),
        Object::Bounded(semaphore) => caught(semaphore.acquire()).await?.forget(),
        _ => {}
    }
    Ok(())
}

fn release(object: &Object) -> Result<(), &'static str> {
    match object {
        Object::Lock(lock) => lock.release().map_err(|_| "NotAcquired"),
        Object::Condition(condition) => condition.release().map_err(|_| "NotAcquired"),
        Object::Semaphore(semaphore) => {
            semaphore.release();
            Ok(())
        }
        Object::Bounded(semaphore) => semaphore.release().map_err(|_| "OverRelease"),
        _ => Err("NotAcquired"),
    }
}

fn locked(object: &Object) -> Option<bool> {
    Some(match object {
        Object::Lock(lock) => lock.locked(),
        Object::Condition(condition) => condition.locked(),
        Object::Semaphore(semaphore) => semaphore.locked(),
        Object::Bounded(semaphore) => semaphore.locked(),
        _ => return None,
    })
}

fn put_error<T>(error: PutError<T>) -> &'static str {
    match error {
        PutError::QueueFull(_) => "QueueFull",
        PutError::QueueShutDown(_) => "QueueShutDown",
    }
}

fn put_nowait(object: &Object, value: &Json) -> Result<(), &'static str> {
    match object {
        Object::Fifo(queue) => queue.put_nowait(Value::of(value)).map_err(put_error),
        Object::Lifo(queue) => queue.put_nowait(Value::of(value)).map_err(put_error),
        Object::Priority(queue) => {
            let priority = value.as_i64().unwrap_or_default();
            queue.put_nowait((priority, ())).map_err(put_error)
        }
        _ => Ok(()),
    }
}

fn get_nowait(object: &Object) -> Result<Value, &'static str> {
    let got = match object {
        Object::Fifo(queue) => queue.get_nowait(),
        Object::Lifo(queue) => queue.get_nowait(),
        Object::Priority(queue) => queue.get_nowait().map(|(value, ())| Value::Int(value)),
        _ => Err(GetError::QueueEmpty),
    };
    got.map_err(|error| match error {
        GetError::QueueShutDown => "QueueShutDown",
        GetError::QueueEmpty => "QueueEmpty",
    })
}
