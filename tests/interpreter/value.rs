//! Values, errors and final states, and how a trace shows them.

use std::fmt;

use glassloop::{Promise, TaskError};
use serde_json::Value as Json;

/// A value of the program.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Value>),
    /// In the list of a gather: a child that failed.
    Failed(Error),
    /// In the list of a gather: a child that was cancelled.
    Cancelled,
}

/// An error has a name and nothing else.
#[derive(Clone, Debug, PartialEq)]
pub struct Error(pub String);

/// What a coroutine of the program ends with, unless it is cancelled.
pub type Outcome = Result<Value, Error>;

impl Value {
    pub fn of(json: &Json) -> Value {
        match json {
            Json::Null => Value::None,
            Json::Bool(truth) => Value::Bool(*truth),
            Json::Number(number) => Value::Int(number.as_i64().unwrap_or_default()),
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => Value::List(items.iter().map(Value::of).collect()),
            Json::Object(_) => Value::Text(json.to_string()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::None => f.write_str("none"),
            Value::Bool(truth) => write!(f, "{truth}"),
            Value::Int(number) => write!(f, "{number}"),
            Value::Text(text) => f.write_str(text),
            Value::Failed(error) => write!(f, "error {error}"),
            Value::Cancelled => f.write_str("cancelled"),
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(Value::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub fn error(name: &str) -> Error {
    Error(name.to_owned())
}

/// The state of a task or future.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    Pending,
    Done(Outcome),
    Cancelled,
}

impl State {
    pub fn of(promise: &Promise<Outcome>) -> State {
        match promise.result() {
            Ok(outcome) => State::Done(outcome.clone()),
            Err(TaskError::NotDone) => State::Pending,
            Err(TaskError::Cancelled) => State::Cancelled,
            Err(other) => State::Done(Err(Error(other.to_string()))),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::Pending => f.write_str("pending"),
            State::Done(Ok(value)) => write!(f, "ok {value}"),
            State::Done(Err(error)) => write!(f, "error {error}"),
            State::Cancelled => f.write_str("cancelled"),
        }
    }
}
