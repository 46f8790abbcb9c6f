//! From a request to the head of its response: hop after hop, each on a connection of its own or of the pool's.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderMap, UPGRADE};
use url::Url;

use crate::core::Core;
use crate::current;
use crate::http::connection::Connection;
use crate::http::content::Content;
use crate::http::dial::Dial;
use crate::http::error::{Error, ErrorKind, Phase};
use crate::http::exchange::{Answer, Continue, Exchange, Exchanging, Failure, State};
use crate::http::limits::{Deadline, Knob, within};
use crate::http::parser::{ParseError, ResponseHead};
use crate::http::policy;
use crate::http::pool::{Host, Permit};
use crate::http::proxy::Proxy;
use crate::http::reading::Reading;
use crate::http::redirect;
use crate::http::request::{Request, Route};
use crate::http::response::Response;
use crate::http::shared::{Shared, Tracer};
use crate::http::tokens::tokens;
use crate::http::trace::TraceEvent;
use crate::observe::Site;

/// So much of a redirect's body is read in order to keep the connection.
const MOST_TO_DRAIN: u64 = 64 * 1024;

/// So long the rest of it is waited for, which is about what another connection would cost.
const DRAIN_WAIT: Duration = Duration::from_millis(100);

/// How far a hop got.
struct Progress {
    phase: Phase,
    reused: bool,
}

/// Sends the request, follows redirects, and gives the response whose body is still to be read.
pub(crate) async fn send(
    shared: &Rc<Shared>,
    request: &mut Request,
    site: Site,
) -> Result<Response, Error> {
    let core = &current::expect();
    let mut now = core.clock.read();
    let total = Deadline::from(now, Knob::Total, request.timeout.total);
    let number = shared.number();
    let tracer = shared.tracer(number);
    tracer.tell(|| TraceEvent::RequestStart {
        method: &request.method,
        url: &request.url,
    });
    let mut history = Vec::new();
    let mut progress = Progress {
        phase: Phase::PoolWait,
        reused: false,
    };
    loop {
        let hop = Hop {
            core,
            shared,
            now,
            total,
            site,
            tracer,
        };
        // What is there while something is awaited is a part of the future. The answer, which is large, is not: it is moved
        // into a function first.
        let answer = hop.run(request, &mut progress).await;
        let stop = match hop.conclude(request, answer, &mut history) {
            Ok(answer) => {
                let shared = shared.clone();
                return Ok(Response::new(
                    shared, number, request, answer, history, total,
                ));
            }
            Err(stop) => stop,
        };
        let followed = match stop {
            Stop::Failed(kind) => Err(kind),
            Stop::Redirected(status, next, drained) => {
                drained.await;
                request.redirect(status, next)
            }
        };
        if let Err(kind) = followed {
            let error = Error::new(kind, progress.phase, &request.method, Some(&request.url));
            let error = error.on_reused(progress.reused);
            let proxy = request.proxy(shared).ok().flatten();
            let error = error.through(proxy.map(|proxy| proxy.address()));
            tracer.tell(|| TraceEvent::Failed { error: &error });
            return Err(error);
        }
        now = core.clock.read();
    }
}

/// Why a hop is not the last one that went well.
enum Stop {
    Failed(ErrorKind),
    /// Where it leads, and what is to be awaited before.
    Redirected(StatusCode, Rc<Url>, Pin<Box<dyn Future<Output = ()>>>),
}

impl From<ErrorKind> for Stop {
    fn from(kind: ErrorKind) -> Stop {
        Stop::Failed(kind)
    }
}

/// One request to one server, and its answer.
struct Hop<'a> {
    core: &'a Rc<Core>,
    shared: &'a Rc<Shared>,
    /// When it began.
    now: u64,
    total: Deadline,
    site: Site,
    tracer: Tracer<'a>,
}

impl Hop<'_> {
    /// What the answer means for the request: it is the response, or leads to another hop.
    fn conclude(
        &self,
        request: &Request,
        answer: Result<(ResponseHead, Reading), ErrorKind>,
        history: &mut Vec<policy::Hop>,
    ) -> Result<(ResponseHead, Content, Reading), Stop> {
        let (mut head, reading) = answer?;
        let status = head.status;
        if let Some(next) = self.next(request, &head, history)? {
            self.tracer
                .tell(|| TraceEvent::Redirect { status, to: &next });
            let by = Deadline::new(self.core, Knob::Patience, Some(DRAIN_WAIT));
            let drained = reading.drain(MOST_TO_DRAIN, by.earlier(self.total), self.site);
            return Err(Stop::Redirected(status, next, drained));
        }
        if self.shared.raise_for_status && status.as_u16() >= 400 {
            reading.abandon();
            return Err(Stop::Failed(ErrorKind::Status(status)));
        }
        let decodes = self.shared.decodes && !request.has_own_coding();
        let content = Content::new(decodes, &mut head)?;
        self.tracer.tell(|| TraceEvent::Response {
            status,
            headers: head.headers(),
        });
        Ok((head, content, reading))
    }

    /// Where a redirect leads that is to be followed. It is written into the history.
    fn next(
        &self,
        request: &Request,
        head: &ResponseHead,
        history: &mut Vec<policy::Hop>,
    ) -> Result<Option<Rc<Url>>, ErrorKind> {
        let policy = &self.shared.redirects;
        if !head.status.is_redirection() || !request.follows_redirects || policy.is_none() {
            return Ok(None);
        }
        let Some(next) = redirect::target(&request.url, head) else {
            return Ok(None);
        };
        let next = next?;
        history.push(policy::Hop::new(&request.url, head));
        if policy.follows(&next, history)? {
            return Ok(Some(Rc::new(next)));
        }
        history.pop();
        Ok(None)
    }

    async fn run(
        &self,
        request: &mut Request,
        progress: &mut Progress,
    ) -> Result<(ResponseHead, Reading), ErrorKind> {
        let pool = &self.shared.pool;
        progress.phase = Phase::Prepare;
        if self.shared.https_only && !request.is_https() {
            let why = "only https is permitted (SessionBuilder::https_only)";
            return Err(ErrorKind::InvalidUrl(why.to_owned()));
        }
        let proxy = request.proxy(self.shared)?.cloned();
        let route = route(request, proxy.as_deref());
        let host = self.host(request, route);
        progress.phase = Phase::PoolWait;
        let limit = request.timeout.connect;
        let by = Deadline::from(self.now, Knob::Connect, limit).earlier(self.total);
        let (permit, now) = match pool.try_permit(&host) {
            Some(permit) => (permit, self.now),
            None => (self.queue(&host, by).await?, self.core.clock.read()),
        };
        let mut connection = match pool.check_out(now, &host) {
            Some(connection) => {
                self.tracer.tell(|| TraceEvent::ConnectionReused);
                connection
            }
            None => self.dial(request, route, &host, by, progress).await?,
        };
        request.expects_continue &= !request.body.is_empty();
        loop {
            progress.reused = connection.reused;
            {
                let answer = self.exchange(&mut connection, request, route).await;
                progress.phase = match &answer {
                    Ok(_) => Phase::Head,
                    Err((_, phase)) => *phase,
                };
                if !self.is_to_be_sent_again(request, &connection, &answer) {
                    return self.accept(request, answer, connection, permit);
                }
            }
            self.tracer.tell(|| TraceEvent::Retry);
            drop(connection);
            let by = Deadline::new(self.core, Knob::Connect, limit).earlier(self.total);
            connection = self.dial(request, route, &host, by, progress).await?;
        }
    }

    /// Whether the answer is one that another connection does better.
    fn is_to_be_sent_again(
        &self,
        request: &mut Request,
        connection: &Connection,
        answer: &Result<Answer, Failure>,
    ) -> bool {
        let again = match answer {
            // It knows nothing of expectations, or its answer to the body is no: once more, without asking first.
            Ok((head, false)) if head.status == StatusCode::EXPECTATION_FAILED => {
                std::mem::take(&mut request.expects_continue)
            }
            // The server closed a kept connection just when it was used again. That is nobody's fault.
            Err((ErrorKind::ConnectionClosed, _)) => {
                connection.reused
                    && connection.is_unanswered()
                    && self.shared.retry_stale
                    && (request.is_idempotent() || connection.sent == 0)
            }
            _ => false,
        };
        again && request.body.can_be_sent()
    }

    fn accept(
        &self,
        request: &Request,
        answer: Result<Answer, Failure>,
        connection: Box<Connection>,
        permit: Permit,
    ) -> Result<(ResponseHead, Reading), ErrorKind> {
        let (head, sent) = answer.map_err(|(kind, _)| kind)?;
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            check_upgrade(&request.headers, head.headers())?;
        }
        if let Some(jar) = self
            .shared
            .cookies
            .as_ref()
            .filter(|_| head.notable.set_cookie)
        {
            jar.set_cookies(&request.url, head.headers());
        }
        let mut reading = Reading::new(connection, permit, sent, &head);
        // What the server was told is done (RFC 9112, 9.6).
        if request.ends_connection() {
            reading.connection.keeps = Some(Duration::ZERO);
        }
        Ok((head, reading))
    }

    fn host(&self, request: &Request, route: Route<'_>) -> Rc<Host> {
        let pool = &self.shared.pool;
        match route {
            Route::Direct => pool.host(self.core, request.origin()),
            Route::Proxy(proxy) => pool.host(self.core, &proxy.name()),
            Route::Tunnel(proxy) => pool.host(
                self.core,
                &format!(
                    "{} through {}",
                    request.origin(),
                    proxy.name_with(request.proxy_authorization(self.shared, proxy))
                ),
            ),
        }
    }

    fn queue(
        &self,
        host: &Rc<Host>,
        by: Deadline,
    ) -> impl Future<Output = Result<Permit, ErrorKind>> {
        // Boxed, as what seldom happens: the future of a request is the smaller for it.
        Box::pin(async move {
            self.tracer.tell(|| TraceEvent::QueueStart);
            let permit = within(by, self.shared.pool.permit(host, self.site)).await?;
            self.tracer.tell(|| TraceEvent::QueueEnd);
            permit.ok_or(ErrorKind::SessionClosed)
        })
    }

    fn dial(
        &self,
        request: &Request,
        route: Route<'_>,
        host: &Host,
        by: Deadline,
        progress: &mut Progress,
    ) -> impl Future<Output = Result<Box<Connection>, ErrorKind>> {
        Box::pin(async move {
            self.shared.pool.make_room(host);
            progress.reused = false;
            let dial = Dial {
                core: self.core,
                shared: self.shared,
                request,
                route,
                by,
                site: self.site,
                tracer: self.tracer,
            };
            within(by, dial.run(&mut progress.phase)).await?
        })
    }

    fn exchange<'b>(
        &'b self,
        connection: &'b mut Connection,
        request: &'b mut Request,
        route: Route<'_>,
    ) -> Exchanging<'b> {
        let (limits, upgrade) = (self.shared.limits, request.offers_upgrade());
        let reused = connection.reused;
        connection.begin(&request.method, limits, upgrade);
        let cookies = self.shared.cookies.as_ref();
        let cookies = cookies.and_then(|jar| jar.header_for(&request.url));
        let cookies = cookies.as_ref().map(|cookies| cookies.as_bytes());
        request.write_head(&mut connection.out, self.shared, route, cookies);
        let waits = request.expects_continue.then(|| Continue::new(self.core));
        Exchanging::new(Exchange {
            core: self.core,
            connection,
            framing: request.framing(),
            body: &mut request.body,
            feed: None,
            waits,
            total: self.total,
            sock_read: request.timeout.sock_read,
            site: self.site,
            tracer: self.tracer,
            state: State::Sending {
                head: true,
                sent: 0,
                untold: 0,
            },
            // A kept connection was taken in this very step, with a look at the clock.
            began: reused.then(|| self.core.clock.last()),
        })
    }
}

fn route<'a>(request: &Request, proxy: Option<&'a Proxy>) -> Route<'a> {
    match proxy {
        None => Route::Direct,
        Some(proxy) if request.is_https() => Route::Tunnel(proxy),
        Some(proxy) => Route::Proxy(proxy),
    }
}

/// A server may switch only to what it was offered.
fn check_upgrade(offered: &HeaderMap, answered: &HeaderMap) -> Result<(), ErrorKind> {
    let tokens = |headers| -> Vec<String> {
        let tokens = tokens(headers, &UPGRADE);
        tokens.map(str::to_ascii_lowercase).collect()
    };
    let offered = tokens(offered);
    let answered = tokens(answered);
    let why = match answered.iter().find(|token| !offered.contains(token)) {
        None if !answered.is_empty() => return Ok(()),
        None => "the server does not say what it switches to".to_owned(),
        Some(token) => {
            let shown: String = token.chars().take(64).collect();
            format!("the server switches to {shown:?}, which was not offered")
        }
    };
    Err(ErrorKind::Response(ParseError::UnexpectedUpgrade(why)))
}
