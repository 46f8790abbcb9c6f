//! The session: what a program asks for pages. It keeps connections, and the limits of time and number.

use std::rc::Rc;
use std::time::{Duration, Instant};

use http::Method;
use url::Url;

use crate::combine::timeout;
use crate::http::connection::{Connection, Piece};
use crate::http::error::{Error, ErrorKind, Phase};
use crate::http::parser::ResponseHead;
use crate::http::pool::{Key, Permit, Pool};
use crate::http::request::{Request, RequestBuilder};
use crate::http::response::Response;
use crate::net::{TcpStream, resolve};

/// Limits of time; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientTimeout {
    /// From sending to the last byte of the body, the wait for a free connection included. 300 s.
    pub total: Option<Duration>,
    /// For looking up the name and connecting. 30 s.
    pub connect: Option<Duration>,
}

impl Default for ClientTimeout {
    fn default() -> ClientTimeout {
        ClientTimeout {
            total: Some(Duration::from_secs(300)),
            connect: Some(Duration::from_secs(30)),
        }
    }
}

/// An HTTP/1.1 client that keeps its connections. Clones share them; they are closed with the last one.
///
/// aiohttp's `ClientSession`. It belongs to the thread of its loop.
///
/// ```no_run
/// use glassloop::http::ClientSession;
///
/// glassloop::run(async {
///     let session = ClientSession::new();
///     let response = session.get("http://127.0.0.1:5000/").await?;
///     println!("{} {}", response.status(), response.text().await?);
///     Ok::<(), glassloop::http::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ClientSession {
    shared: Rc<Shared>,
}

struct Shared {
    pool: Rc<Pool>,
    timeout: ClientTimeout,
    max_body: usize,
    /// Where its clock starts.
    origin: Instant,
}

/// How a session is to be made: see [`ClientSession::builder`].
#[must_use]
pub struct SessionBuilder {
    limit: usize,
    timeout: ClientTimeout,
    keepalive: Duration,
    max_body: usize,
}

impl SessionBuilder {
    /// How many connections may be in use at a time; requests beyond wait in line. 100 if not said, as in aiohttp; 0 is no
    /// limit.
    pub fn limit(mut self, connections: usize) -> SessionBuilder {
        self.limit = connections;
        self
    }

    /// The limits of time.
    pub fn timeout(mut self, timeout: ClientTimeout) -> SessionBuilder {
        self.timeout = timeout;
        self
    }

    /// How long an idle connection is kept. 15 s if not said.
    pub fn keepalive_timeout(mut self, keepalive: Duration) -> SessionBuilder {
        self.keepalive = keepalive;
        self
    }

    /// How many bytes of body `bytes` and `text` take. 64 MiB if not said.
    pub fn max_body(mut self, bytes: usize) -> SessionBuilder {
        self.max_body = bytes;
        self
    }

    /// Makes the session.
    pub fn build(self) -> ClientSession {
        ClientSession {
            shared: Rc::new(Shared {
                pool: Pool::new(self.limit, self.keepalive),
                timeout: self.timeout,
                max_body: self.max_body,
                origin: Instant::now(),
            }),
        }
    }
}

/// What can be meant as a URL.
pub trait IntoUrl {
    /// The URL, or why it is none.
    ///
    /// # Errors
    /// A sentence that names the text.
    fn into_url(self) -> Result<Url, String>;
}

impl IntoUrl for &str {
    fn into_url(self) -> Result<Url, String> {
        Url::parse(self).map_err(|error| format!("{self:?} is not a URL: {error}"))
    }
}

impl IntoUrl for &String {
    fn into_url(self) -> Result<Url, String> {
        self.as_str().into_url()
    }
}

impl IntoUrl for String {
    fn into_url(self) -> Result<Url, String> {
        self.as_str().into_url()
    }
}

impl IntoUrl for Url {
    fn into_url(self) -> Result<Url, String> {
        Ok(self)
    }
}

impl Default for ClientSession {
    fn default() -> ClientSession {
        ClientSession::new()
    }
}

impl ClientSession {
    /// A session with the defaults.
    pub fn new() -> ClientSession {
        ClientSession::builder().build()
    }

    /// For a session with other limits.
    pub fn builder() -> SessionBuilder {
        SessionBuilder {
            limit: 100,
            timeout: ClientTimeout::default(),
            keepalive: Duration::from_secs(15),
            max_body: 64 << 20,
        }
    }

    /// A GET request: `session.get(url).await?`.
    pub fn get(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::GET, url)
    }

    /// A HEAD request.
    pub fn head(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::HEAD, url)
    }

    /// A POST request: `session.post(url).body("...").await?`.
    pub fn post(&self, url: impl IntoUrl) -> RequestBuilder {
        self.request(Method::POST, url)
    }

    /// A request with any method.
    pub fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        RequestBuilder::new(self.clone(), method, url.into_url())
    }

    pub(crate) fn max_body(&self) -> usize {
        self.shared.max_body
    }

    pub(crate) fn check_in(&self, key: Key, connection: Connection) {
        self.shared.pool.check_in(key, connection);
    }

    /// What is left until `deadline`.
    pub(crate) fn left(&self, deadline: Option<Duration>) -> Duration {
        match deadline {
            Some(deadline) => deadline.saturating_sub(self.shared.origin.elapsed()),
            None => Duration::MAX,
        }
    }

    pub(crate) async fn send(&self, request: Request) -> Result<Response, Error> {
        let total = self.shared.timeout.total;
        let deadline = total.and_then(|total| self.shared.origin.elapsed().checked_add(total));
        let mut phase = Phase::PoolWait;
        let sent = timeout(self.left(deadline), self.exchange(&request, &mut phase)).await;
        match sent.unwrap_or(Err(ErrorKind::Timeout)) {
            Ok((head, connection, permit)) => {
                let reading = (connection, permit);
                Ok(Response::new(
                    self.clone(),
                    request,
                    head,
                    reading,
                    deadline,
                ))
            }
            Err(kind) => Err(Error::new(kind, phase, &request.method, &request.url)),
        }
    }

    async fn exchange(
        &self,
        request: &Request,
        phase: &mut Phase,
    ) -> Result<(ResponseHead, Connection, Permit), ErrorKind> {
        let permit = self.shared.pool.permit().await;
        let key = (request.host.clone(), request.port);
        let reusable = self.shared.pool.check_out(&key);
        let mut connection = match reusable {
            Some(connection) => connection,
            None => self.connect(request, phase).await?,
        };
        loop {
            match ask(&mut connection, request, phase).await {
                Ok(head) => return Ok((head, connection, permit)),
                // The server closed a kept connection just when it was used again. That is nobody's fault: one try on a
                // connection of its own, for methods that do no harm when they are done twice.
                Err(_)
                    if connection.reused
                        && connection.is_unanswered()
                        && request.method.is_idempotent() =>
                {
                    connection = self.connect(request, phase).await?;
                }
                Err(kind) => return Err(kind),
            }
        }
    }

    async fn connect(&self, request: &Request, phase: &mut Phase) -> Result<Connection, ErrorKind> {
        let limit = self.shared.timeout.connect.unwrap_or(Duration::MAX);
        let connecting = async {
            *phase = Phase::Resolve;
            let addresses = resolve(&request.host, request.port).await?;
            *phase = Phase::Connect;
            let stream = TcpStream::connect_any(&addresses).await?;
            stream.set_nodelay(true)?;
            Ok(Connection::new(stream))
        };
        match timeout(limit, connecting).await {
            Ok(connected) => connected.map_err(ErrorKind::Io),
            Err(_) => Err(ErrorKind::Timeout),
        }
    }
}

/// Sends the request and waits for the head of the response.
async fn ask(
    connection: &mut Connection,
    request: &Request,
    phase: &mut Phase,
) -> Result<ResponseHead, ErrorKind> {
    *phase = Phase::Send;
    let sent = connection.send(&request.method, &request.bytes).await;
    // A server may answer and close before it has read everything: the answer counts more than the failed write.
    *phase = Phase::Head;
    match (connection.next().await, sent) {
        (Ok(Piece::Head(head)), _) => Ok(head),
        (_, Err(error)) => {
            *phase = Phase::Send;
            Err(ErrorKind::Io(error))
        }
        (Ok(_), Ok(())) => Err(ErrorKind::ConnectionClosed),
        (Err(kind), Ok(())) => Err(kind),
    }
}
