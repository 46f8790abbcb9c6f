//! A small web site inside the example's own loop: pages that link to each other, and a file.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use glassloop::net::{TcpListener, TcpStream};
use glassloop::{create_task, sleep};

/// The pages are numbered; page N links to 2N+1, 2N+2, the first one, and out of the site.
pub struct Site {
    pub pages: usize,
    pub file_bytes: usize,
    /// How long a page takes, and each piece of the file.
    pub delay: Duration,
}

/// A piece of the file.
const PIECE: usize = 64 * 1024;

/// What the site has seen.
#[derive(Default)]
pub struct Seen {
    /// Requests that were under way at the same time, at most.
    pub peak: Cell<usize>,
    now: Cell<usize>,
}

/// Serves it as long as the loop runs. Its address, and what it sees.
pub fn start(site: Site) -> io::Result<(String, Rc<Seen>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", listener.local_addr()?);
    let (site, seen) = (Rc::new(site), Rc::new(Seen::default()));
    let shared = seen.clone();
    let server = create_task(async move {
        let mut connections = 0;
        while let Ok((stream, _)) = listener.accept().await {
            let (site, seen) = (site.clone(), shared.clone());
            // A client that leaves ends its connection, and nothing else.
            let answers = async move { drop(answer_all(stream, &site, &seen).await) };
            connections += 1;
            create_task(answers).set_name(format!("server-{connections}"));
        }
    });
    server.set_name("server");
    Ok((url, seen))
}

async fn answer_all(mut stream: TcpStream, site: &Site, seen: &Seen) -> io::Result<()> {
    loop {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut piece = [0; 1024];
            match stream.read(&mut piece).await? {
                0 => return Ok(()),
                n => request.extend_from_slice(&piece[..n]),
            }
        }
        let request = String::from_utf8_lossy(&request);
        let path = request.split(' ').nth(1).unwrap_or("/");
        seen.now.set(seen.now.get() + 1);
        seen.peak.set(seen.peak.get().max(seen.now.get()));
        let answered = match path {
            "/file" => send_file(&mut stream, site).await,
            path => send_page(&mut stream, site, path).await,
        };
        seen.now.set(seen.now.get() - 1);
        answered?;
    }
}

async fn send_page(stream: &mut TcpStream, site: &Site, path: &str) -> io::Result<()> {
    sleep(site.delay).await;
    let number = path.trim_start_matches('/').parse::<usize>();
    let page = match number.ok().or((path == "/").then_some(0)) {
        Some(number) if number < site.pages => {
            let link = |to: usize| format!("<a href=\"/{to}\">{to}</a> ");
            let away = "<a href=\"http://elsewhere.example/\">away</a>";
            let links = link(2 * number + 1) + &link(2 * number + 2) + &link(0) + away;
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{links}",
                links.len()
            )
        }
        _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
    };
    stream.write_all(page.as_bytes()).await
}

async fn send_file(stream: &mut TcpStream, site: &Site) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
        site.file_bytes
    );
    stream.write_all(head.as_bytes()).await?;
    let mut left = site.file_bytes;
    while left > 0 {
        let piece = left.min(PIECE);
        stream.write_all(&vec![b'x'; piece]).await?;
        left -= piece;
        sleep(site.delay).await;
    }
    Ok(())
}
