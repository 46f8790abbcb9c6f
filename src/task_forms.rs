//! What a task looks like in text: its `Debug` form up to the callbacks, and the report of a panic that nobody looked at.

use std::fmt;

use crate::core::Core;
use crate::error::Panic;
use crate::exception::ExceptionContext;
use crate::header::{Header, Runnable};
use crate::observe::{Event, WaitKind};
use crate::promise::state_word;
use crate::text::Quoted;
use crate::wait_on::Wait;

/// `<Task pending name='Task-1' coro=<hello() running at examples/hello.rs:8> wait_for=...`, without the rest.
pub(crate) fn describe(
    core: &Core,
    task: &dyn Runnable,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let wait = core.wait_of(task);
    open(task, &wait, f)?;
    match (wait.on.object(), wait.on.kind()) {
        (Some(object), _) => {
            f.write_str(" wait_for=")?;
            object.describe_awaited(f)
        }
        (_, Some(kind)) => write!(f, " wait_for=<{kind}>"),
        (_, None) => Ok(()),
    }
}

/// [`describe`] of a task that is awaited itself: another that it waits for is not described, see
/// [`Waitable::describe_awaited`](crate::header::Waitable::describe_awaited).
pub(crate) fn describe_awaited(
    core: &Core,
    task: &dyn Runnable,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let wait = core.wait_of(task);
    let object = wait.on.object();
    if !object.is_some_and(|object| matches!(object.wait_kind(), WaitKind::Task(_))) {
        return describe(core, task, f);
    }
    open(task, &wait, f)?;
    f.write_str(" wait_for=...")
}

fn open(task: &dyn Runnable, wait: &Wait, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (header, ended) = (task.header(), task.ended());
    let word = match ended {
        None if header.requests() > 0 => "cancelling",
        ended => state_word(ended),
    };
    let (name, coroutine) = (header.name(), task.coroutine());
    write!(
        f,
        "<Task {word} name={} coro=<{coroutine}() ",
        Quoted(&name)
    )?;
    let (does, at) = match ended {
        Some(_) => ("done, created", header.site),
        None => ("running", wait.site.unwrap_or(header.site)),
    };
    write!(f, "{does} at {}:{}>", at.file(), at.line())
}

/// A panic that nobody has looked at is reported when the task is dropped, in the task's context, as in asyncio.
#[cold]
pub(crate) fn report_lost(core: &Core, header: &Header, coroutine: &str, panic: &Panic) {
    let task = header.number;
    core.observe(|| Event::ResultLost { task });
    let (file, line) = (header.site.file(), header.site.line());
    let source = format!(
        "future: <Task finished name={} coro=<{coroutine}() done, created at {file}:{line}> exception={panic:?}>",
        Quoted(&header.name()),
    );
    let outer = core.context.replace(header.take_context());
    core.exceptions.report(&ExceptionContext {
        message: "Task exception was never retrieved".to_owned(),
        source,
        panic: Some(panic.clone()),
    });
    drop(core.context.replace(outer));
}
