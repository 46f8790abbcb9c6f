//! The table over real sockets: a server that sends each stream in each delivery, and our client at the other end.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use glassloop::http::{ClientSession, ErrorKind};
use glassloop::sync::Semaphore;
use glassloop::{create_task, gather, run, sleep};
use http::Method;

use super::{Case, DELIVERIES, kind};

/// How long the server waits for a second request on the same connection.
const PATIENCE: Duration = Duration::from_millis(400);
/// So many at a time.
const AT_ONCE: usize = 100;

/// Runs every case in every delivery. A line for each that fails, and how many passed.
pub fn replay(cases: Vec<Case>) -> Result<(usize, Vec<String>), String> {
    let cases = Arc::new(cases);
    let listener =
        TcpListener::bind("127.0.0.1:0").map_err(|error| format!("the replay server: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let served = cases.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let cases = served.clone();
            // A client that leaves early is what some cases are about.
            std::thread::spawn(move || drop(serve(stream, &cases)));
        }
    });
    let outcomes = run(async move {
        let turns = Semaphore::new(AT_ONCE);
        let one = |index: usize, delivery: usize| {
            let (cases, turns) = (cases.clone(), turns.clone());
            create_task(async move {
                let _turn = turns.acquire().await;
                let case = &cases[index];
                let complaint = check(case, &format!("http://{address}"), index, delivery).await;
                complaint.map(|complaint| {
                    let (id, name) = (&case.id, &case.name);
                    format!("{id} {name} ({}): {complaint}", DELIVERIES[delivery])
                })
            })
        };
        let all = (0..cases.len()).flat_map(|index| (0..DELIVERIES.len()).map(move |d| (index, d)));
        let tasks: Vec<_> = all.map(|(index, delivery)| one(index, delivery)).collect();
        gather(tasks).await
    });
    let outcomes = outcomes.map_err(|error| error.to_string())?;
    let outcomes = outcomes.map_err(|error| error.to_string())?;
    let all = outcomes.len();
    let failed: Vec<String> = outcomes.into_iter().flatten().collect();
    Ok((all - failed.len(), failed))
}

/// The second request's path says whether it came on the first one's connection.
async fn check(case: &Case, base: &str, index: usize, delivery: usize) -> Option<String> {
    // The table tells what came, not what it leads to or stands for.
    let session = ClientSession::builder().auto_decompress(false).build();
    let session = session.ok()?;
    let method: Method = case.method.parse().ok()?;
    let mut body = Vec::new();
    let url = format!("{base}/case/{index}/{delivery}");
    let verdict = match session.request(method, url).no_redirect().await {
        Err(error) => word(error.kind()),
        Ok(mut response) => loop {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break response.status().as_str().to_owned(),
                Err(error) => break word(error.kind()),
            }
        },
    };
    if let Some(complaint) = case.complaint(&verdict, &body) {
        return Some(complaint);
    }
    // What comes behind the response, if anything does, has come by then.
    sleep(Duration::from_millis(60)).await;
    let after = match session.get(format!("{base}/after/{index}")).await {
        Ok(response) => response.text().await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match (after.as_deref(), case.reuse) {
        (Ok("same"), true) | (Ok("other"), false) => None,
        (Ok("same"), false) => Some("the connection was used again".to_owned()),
        (Ok(_), true) => Some("the connection was not used again".to_owned()),
        (Ok(answer), false) => Some(format!("the next request was answered {answer:?}")),
        (Err(error), _) => Some(format!("the next request failed: {error}")),
    }
}

fn word(error: &ErrorKind) -> String {
    match error {
        ErrorKind::Response(error) => kind(error).to_owned(),
        ErrorKind::ConnectionClosed => "incomplete-head".to_owned(),
        other => format!("{other:?}"),
    }
}

fn serve(mut stream: TcpStream, cases: &[Case]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let path = read_path(&mut stream)?;
    let words: Vec<&str> = path.split('/').collect();
    let number = |i: usize| words.get(i).and_then(|word| word.parse::<usize>().ok());
    if let (Some(&"case"), Some(case), Some(delivery)) = (words.get(1), number(2), number(3)) {
        let (Some(case), Some(delivery)) = (cases.get(case), DELIVERIES.get(delivery)) else {
            return Ok(());
        };
        for (i, piece) in case.pieces(delivery).into_iter().enumerate() {
            if i > 0 && *delivery == "head and body" {
                std::thread::sleep(Duration::from_millis(5));
            }
            stream.write_all(piece)?;
        }
        stream.set_read_timeout(Some(PATIENCE))?;
        match read_path(&mut stream) {
            Ok(path) if path.starts_with("/after/") => answer(&mut stream, "same")?,
            _ => {}
        }
    } else if path.starts_with("/after/") {
        answer(&mut stream, "other")?;
    }
    stream.shutdown(Shutdown::Write)
}

fn answer(stream: &mut TcpStream, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Reads the head of a request, which has no body.
fn read_path(stream: &mut TcpStream) -> std::io::Result<String> {
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => head.extend_from_slice(&piece[..n]),
        }
    }
    let head = String::from_utf8_lossy(&head);
    Ok(head.split(' ').nth(1).unwrap_or_default().to_owned())
}
