//! The chapter's `requests.get(url).text`: a blocking GET that opens a connection of its own each time.

use std::time::Duration;

use ureq::Agent;

/// The body of the answer, whatever its status. An error names the URL and the cause.
pub fn get(url: &str) -> Result<String, String> {
    get_with_status(url).map(|(_, body)| body)
}

/// Status and body of the answer.
pub fn get_with_status(url: &str) -> Result<(u16, String), String> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(Duration::from_secs(10)))
        // The examples measure a server, not whatever proxy the environment names.
        .proxy(None)
        .build();
    // Connections are pooled by the agent: a new agent, a new connection.
    let response = Agent::from(config).get(url).call();
    let in_url = |error: ureq::Error| format!("GET {url}: {error}");
    let (head, mut body) = response.map_err(in_url)?.into_parts();
    let body = body.read_to_vec().map_err(in_url)?;
    Ok((
        head.status.as_u16(),
        String::from_utf8_lossy(&body).into_owned(),
    ))
}
