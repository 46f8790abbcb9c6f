//! Context variables: values that a task inherits from whoever created it, and changes for itself alone.
//!
//! The loop has a current context, a map that is copied when it is changed. A task takes a reference to it along when it is
//! created, a callback when it is scheduled; the step or call runs in that one. asyncio's counterpart is `contextvars`.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::current;
use crate::text::Quoted;

static VARIABLES: AtomicU64 = AtomicU64::new(0);

/// A variable whose value belongs to the running task or callback: a request's number, a user's name.
///
/// A task starts with the values that were current when it was created, a callback with those when it was scheduled or
/// registered. What they set is seen by themselves, and by what they create after that. Make it once, and keep it where all
/// who use it can see it; clones are the same variable. asyncio's `contextvars.ContextVar`.
///
/// ```
/// # glassloop::run(async {
/// use glassloop::{ContextVar, create_task};
///
/// let user = ContextVar::new("user");
/// user.set("Ada");
/// let (inherits, changes) = (user.clone(), user.clone());
/// let first = create_task(async move { inherits.get() });
/// let second = create_task(async move { changes.set("Bob"); changes.get() });
/// assert_eq!(first.await.unwrap(), Some("Ada"));
/// assert_eq!(second.await.unwrap(), Some("Bob"));
/// assert_eq!(user.get(), Some("Ada"));
/// # }).unwrap();
/// ```
pub struct ContextVar<T> {
    number: u64,
    name: &'static str,
    value: PhantomData<Rc<T>>,
}

/// What a variable was before a [`ContextVar::set`], for [`ContextVar::reset`].
#[must_use = "without it the value that was there before cannot come back"]
pub struct Token<T> {
    variable: ContextVar<T>,
    before: Option<Rc<dyn Any>>,
}

impl<T: Clone + 'static> ContextVar<T> {
    /// A new variable, without a value anywhere. `name` is for people.
    pub fn new(name: &'static str) -> ContextVar<T> {
        ContextVar {
            number: VARIABLES.fetch_add(1, Ordering::Relaxed),
            name,
            value: PhantomData,
        }
    }

    /// The value in the current context; `None` where none was set, and outside of the loop.
    pub fn get(&self) -> Option<T> {
        let context = current::with(|core| core.context.get()).flatten()?;
        context.get(&self.number)?.downcast_ref().cloned()
    }

    /// Sets the value in the current context.
    ///
    /// # Panics
    /// Without a running loop.
    #[track_caller]
    pub fn set(&self, value: T) {
        drop(self.replace(value));
    }

    /// [`set`](ContextVar::set) that can be undone by [`reset`](ContextVar::reset). `set` of `contextvars`, which gives a token.
    ///
    /// # Panics
    /// Without a running loop.
    #[track_caller]
    pub fn replace(&self, value: T) -> Token<T> {
        let core = current::expect();
        let mut before = None;
        core.context
            .change(|values| before = values.insert(self.number, Rc::new(value)));
        Token {
            variable: self.clone(),
            before,
        }
    }

    /// Gives the variable the value that it had before the [`replace`](ContextVar::replace) that returned `token`.
    ///
    /// # Panics
    /// Without a running loop, and for a token of another variable.
    #[track_caller]
    pub fn reset(&self, token: Token<T>) {
        assert!(
            token.variable.number == self.number,
            "the token was made by a different ContextVar than {:?}",
            self.name
        );
        current::expect().context.change(|values| {
            match token.before {
                Some(before) => values.insert(self.number, before),
                None => values.remove(&self.number),
            };
        });
    }
}

impl<T> Clone for ContextVar<T> {
    fn clone(&self) -> Self {
        ContextVar {
            number: self.number,
            name: self.name,
            value: PhantomData,
        }
    }
}

impl<T> fmt::Debug for ContextVar<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<ContextVar name={}>", Quoted(self.name))
    }
}

impl<T> fmt::Debug for Token<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Token var={:?}>", self.variable)
    }
}
