//! A request on its way, under a name that a task can show.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::http::error::Error;
use crate::http::response::Response;
use crate::text::shown_as;

/// A request on its way to the head of its response: what awaiting a [`RequestBuilder`](crate::http::RequestBuilder) makes of
/// it. Cancelling it closes the connection that it used.
#[must_use = "a request is sent when it is awaited"]
pub struct Sending(Pin<Box<dyn Future<Output = Result<Response, Error>>>>);

shown_as! { Sending => "<Sending>" }

impl Sending {
    pub(crate) fn new(request: impl Future<Output = Result<Response, Error>> + 'static) -> Sending {
        Sending(Box::pin(request))
    }
}

impl Future for Sending {
    type Output = Result<Response, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}
