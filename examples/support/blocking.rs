//! The chapter's `requests.get(url).text`: a blocking GET that opens a connection of its own each time.

use std::time::Duration;

use glassloop::trace;
use ureq::Agent;
use ureq::config::Config;

/// The body of the answer, whatever its status. An error names the URL and the cause.
#[track_caller]
pub fn get(url: &str) -> Result<String, String> {
    get_with_status(url).map(|(_, body)| body)
}

/// Status and body of the answer.
#[track_caller]
pub fn get_with_status(url: &str) -> Result<(u16, String), String> {
    // Connections are pooled by the agent: a new agent, a new connection.
    trace::blocking("GET", || get_by(&Agent::from(config()), url))
}

/// How the examples ask.
pub fn config() -> Config {
    Agent::config_builder()
        .http_status_as_error(false)
        // As long as `ClientSession` waits for a server that says nothing.
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_recv_body(Some(Duration::from_secs(60)))
        // The examples measure a server, not whatever proxy the environment names.
        .proxy(None)
        // 128 KiB each unless told otherwise, for every connection: with thousands, that is what one would measure.
        .input_buffer_size(16 * 1024)
        .output_buffer_size(16 * 1024)
        .build()
}

/// Status and body of the answer that this client gets.
pub fn get_by(agent: &Agent, url: &str) -> Result<(u16, String), String> {
    let in_url = |error: ureq::Error| format!("GET {url}: {error}");
    let (head, mut body) = agent.get(url).call().map_err(in_url)?.into_parts();
    let body = body.read_to_vec().map_err(in_url)?;
    Ok((
        head.status.as_u16(),
        String::from_utf8_lossy(&body).into_owned(),
    ))
}
