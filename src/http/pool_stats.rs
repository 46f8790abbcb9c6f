//! What the pool tells of itself.

/// What a session has open at the moment, and has done: [`ClientSession::stats`](crate::http::ClientSession::stats).
///
/// ```
/// use glassloop::http::{ClientSession, PoolStats};
///
/// assert_eq!(ClientSession::new().stats(), PoolStats::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Connections that wait for their next request.
    pub idle: usize,
    /// Connections in use, those that are being made included. A response holds its own until its body was read or it is
    /// dropped.
    pub in_use: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
    /// Connections made so far, those that failed included.
    pub connected: u64,
    /// How often a connection was used again.
    pub reused: u64,
}

impl PoolStats {
    /// In words, for who looks at the loop.
    pub(crate) fn figures(self) -> Vec<(u64, &'static str)> {
        vec![
            (self.in_use as u64, "in use"),
            (self.idle as u64, "idle"),
            (self.waiting as u64, "waiting"),
            (self.connected, "opened"),
            (self.reused, "reused"),
        ]
    }
}
