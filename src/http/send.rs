//! From a request to the head of its response: hop after hop, each on a connection of its own or of the pool's.

use std::future::Future;
use std::rc::Rc;

use http::StatusCode;
use http::header::{HeaderMap, UPGRADE};

use crate::core::Core;
use crate::current;
use crate::http::connection::Connection;
use crate::http::content::Content;
use crate::http::dial::Dial;
use crate::http::error::{Error, ErrorKind, Phase};
use crate::http::exchange::{Exchange, Exchanging, State};
use crate::http::limits::{Alarm, Deadline, within};
use crate::http::parser::{ParseError, ResponseHead};
use crate::http::policy;
use crate::http::pool::{Host, Permit};
use crate::http::proxy::Proxy;
use crate::http::reading::Reading;
use crate::http::redirect;
use crate::http::request::{Request, Route};
use crate::http::response::Response;
use crate::http::shared::{Shared, Tracer};
use crate::http::trace::TraceEvent;
use crate::observe::Site;

/// So much of a redirect's body is read in order to keep the connection.
const MOST_TO_DRAIN: u64 = 64 * 1024;

/// How far a hop got.
struct Progress {
    phase: Phase,
    reused: bool,
}

/// Sends the request, follows redirects, and gives the response whose body is still to be read.
pub(crate) async fn send(
    shared: &Rc<Shared>,
    mut request: Request,
    site: Site,
) -> Result<Response, Error> {
    let core = &current::expect();
    let total = Deadline::new(core, "total", request.parts.timeout.total);
    let number = shared.number();
    let tracer = shared.tracer(number);
    tracer.tell(|| TraceEvent::RequestStart {
        method: &request.parts.method,
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
            total,
            site,
            tracer,
        };
        let answer = match hop.run(&mut request, &mut progress).await {
            Err(kind) => Err(kind),
            Ok((head, reading)) => match next_hop(shared, &request, &head, &mut history) {
                Err(kind) => Err(kind),
                Ok(Some(next)) => {
                    tracer.tell(|| TraceEvent::Redirect {
                        status: head.status,
                        to: &next,
                    });
                    reading.drain(MOST_TO_DRAIN, total, site).await;
                    match request.redirect(head.status, next) {
                        Ok(()) => continue,
                        Err(kind) => Err(kind),
                    }
                }
                Ok(None) => finish(shared, &request, head).map(|(h, c)| (h, c, reading)),
            },
        };
        let kind = match answer {
            Ok(answer) => {
                let head = &answer.0;
                tracer.tell(|| TraceEvent::Response {
                    status: head.status,
                    headers: &head.headers,
                });
                let shared = shared.clone();
                return Ok(Response::new(
                    shared, number, request, answer, history, total,
                ));
            }
            Err(kind) => kind,
        };
        let method = &request.parts.method;
        let error = Error::new(kind, progress.phase, method, Some(&request.url));
        let error = error.on_reused(progress.reused);
        tracer.tell(|| TraceEvent::Failed { error: &error });
        return Err(error);
    }
}

/// The final response, if it is wanted, and how its body is read.
fn finish(
    shared: &Shared,
    request: &Request,
    mut head: ResponseHead,
) -> Result<(ResponseHead, Content), ErrorKind> {
    if shared.raise_for_status && head.status.as_u16() >= 400 {
        return Err(ErrorKind::Status(head.status));
    }
    let decodes = shared.decodes && !request.parts.has_own_coding();
    let content = Content::new(decodes, &mut head.headers)?;
    Ok((head, content))
}

/// Where a redirect leads that is to be followed. It is written into the history.
fn next_hop(
    shared: &Shared,
    request: &Request,
    head: &ResponseHead,
    history: &mut Vec<policy::Hop>,
) -> Result<Option<url::Url>, ErrorKind> {
    if !head.status.is_redirection()
        || !request.parts.follows_redirects
        || shared.redirects.is_none()
    {
        return Ok(None);
    }
    let Some(next) = redirect::target(&request.url, head) else {
        return Ok(None);
    };
    let next = next?;
    history.push(policy::Hop::new(&request.url, head));
    match shared.redirects.follows(&next, history)? {
        true => Ok(Some(next)),
        false => {
            history.pop();
            Ok(None)
        }
    }
}

/// One request to one server, and its answer.
struct Hop<'a> {
    core: &'a Rc<Core>,
    shared: &'a Rc<Shared>,
    total: Deadline,
    site: Site,
    tracer: Tracer<'a>,
}

impl Hop<'_> {
    async fn run(
        &self,
        request: &mut Request,
        progress: &mut Progress,
    ) -> Result<(ResponseHead, Reading), ErrorKind> {
        let pool = &self.shared.pool;
        let proxy = self.shared.proxies.of(&request.url).cloned();
        let route = route(request, proxy.as_ref());
        let host = self.host(request, route);
        progress.phase = Phase::PoolWait;
        let limit = request.parts.timeout.connect;
        let by = Deadline::new(self.core, "connect", limit).earlier(self.total);
        let permit = match pool.try_permit(&host) {
            Some(permit) => permit,
            None => self.queue(&host, by).await?,
        };
        let mut connection = match pool.check_out(self.core, &host) {
            Some(connection) => {
                self.tracer.tell(|| TraceEvent::ConnectionReused);
                connection
            }
            None => self.dial(request, route, &host, by, progress).await?,
        };
        request.parts.expects_continue &= !request.parts.body.is_empty();
        loop {
            progress.reused = connection.reused;
            let answer = self.exchange(&mut connection, request, route).await;
            let stale = match &answer {
                // It knows nothing of expectations, or its answer to the body is no: once more, without asking first.
                Ok((head, false)) if head.status == StatusCode::EXPECTATION_FAILED => {
                    std::mem::take(&mut request.parts.expects_continue)
                }
                // The server closed a kept connection just when it was used again. That is nobody's fault.
                Err((ErrorKind::ConnectionClosed, _)) => {
                    connection.reused
                        && connection.is_unanswered()
                        && self.shared.retry_stale
                        && (request.parts.is_idempotent() || connection.sent == 0)
                }
                _ => false,
            };
            if stale && request.parts.body.can_be_sent() {
                self.tracer.tell(|| TraceEvent::Retry);
                drop(connection);
                let by = Deadline::new(self.core, "connect", limit).earlier(self.total);
                connection = self.dial(request, route, &host, by, progress).await?;
                continue;
            }
            let (head, sent) = answer.map_err(|(kind, phase)| {
                progress.phase = phase;
                kind
            })?;
            if head.status == StatusCode::SWITCHING_PROTOCOLS {
                check_upgrade(&request.parts.headers, &head.headers)?;
            }
            if let Some(jar) = &self.shared.cookies {
                jar.set_cookies(&request.url, &head.headers);
            }
            let reading = Reading::new(connection, permit, sent, &head.headers);
            return Ok((head, reading));
        }
    }

    fn host(&self, request: &Request, route: Route<'_>) -> Rc<Host> {
        let pool = &self.shared.pool;
        match route {
            Route::Direct => pool.host(self.core, request.origin()),
            Route::Proxy(proxy) => pool.host(self.core, &proxy.name()),
            Route::Tunnel(proxy) => pool.host(
                self.core,
                &format!("{} through {}", request.origin(), proxy.name()),
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
                site: self.site,
                tracer: self.tracer,
            };
            within(by, dial.run(&mut progress.phase)).await?
        })
    }

    fn exchange<'b>(
        &'b self,
        connection: &'b mut Connection,
        request: &mut Request,
        route: Route<'_>,
    ) -> Exchanging<'b> {
        let parts = &mut request.parts;
        connection.begin(&parts.method, self.shared.limits, parts.offers_upgrade());
        let feed = parts.body.feed();
        let cookies = self.shared.cookies.as_ref();
        let cookies = cookies.and_then(|jar| jar.header_for(&request.url));
        let cookies = cookies.as_ref().map(|cookies| cookies.as_bytes());
        request.write_head(&mut connection.out, self.shared, route, cookies);
        let parts = &request.parts;
        let waits = parts
            .expects_continue
            .then(|| Alarm::new(self.core.clone()));
        Exchanging::new(Exchange {
            core: self.core,
            connection,
            feed,
            framing: parts.framing(),
            waits,
            total: self.total,
            sock_read: parts.timeout.sock_read,
            site: self.site,
            tracer: self.tracer,
            state: State::Sending {
                head: true,
                sent: 0,
                continues: None,
            },
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
    let tokens = |headers: &HeaderMap| -> Vec<String> {
        let values = headers.get_all(UPGRADE).iter();
        let text = values.filter_map(|value| value.to_str().ok());
        let tokens = text.flat_map(|text| text.split(','));
        tokens
            .map(|token| token.trim().to_ascii_lowercase())
            .collect()
    };
    let offered = tokens(offered);
    match tokens(answered)
        .iter()
        .find(|token| !offered.contains(token))
    {
        None => Ok(()),
        Some(token) => {
            let shown: String = token.chars().take(64).collect();
            let why = format!("the server switches to {shown:?}, which was not offered");
            Err(ErrorKind::Response(ParseError::UnexpectedUpgrade(why)))
        }
    }
}
