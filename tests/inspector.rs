//! The inspector's page in a real browser: a loop at work, live.
#![cfg(unix)]

// Not every test needs all of it.
#[allow(dead_code)]
mod browser;

use std::cell::Cell;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use browser::Browser;
use browser::runs::done;
use glassloop::http::{ClientSession, TcpConnector};
use glassloop::{Promise, create_task, gather, run, sleep, to_thread, yield_now};
use serde_json::json;

/// A server that answers requests for `/` and no others. The kernel accepts what it does not.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut got, mut byte) = (Vec::new(), [0]);
        while stream.read(&mut byte).unwrap_or(0) == 1 {
            got.push(byte[0]);
            if got.ends_with(b"\r\n\r\n") {
                if got.starts_with(b"GET / ") {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                    stream.write_all(answer).unwrap();
                }
                got.clear();
            }
        }
    });
    format!("http://{address}")
}

/// The next line of stdin, from a thread of the pool.
async fn line() -> String {
    let line = to_thread(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    });
    line.await.unwrap()
}

async fn requests(url: String) {
    let connector = TcpConnector::builder().limit(1);
    let session = ClientSession::builder()
        .connector(connector)
        .build()
        .unwrap();
    for _ in 0..3 {
        session
            .get(url.as_str())
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
    }
    let never = format!("{url}/never");
    let get = || {
        let (session, never) = (session.clone(), never.clone());
        create_task(async move { drop(session.get(never.as_str()).await) })
    };
    let _ = gather([get().named("first"), get().named("second")]).await;
}

/// Run by the test in a process of its own. It does what the lines of its stdin say.
#[test]
fn a_loop_to_look_at() {
    if std::env::var_os("GLASSLOOP_INSPECT").is_none() {
        return;
    }
    let url = server();
    run(async move {
        drop(create_task(requests(url)).named("client"));
        drop(create_task(async { sleep(Duration::from_secs(3600)).await }).named("sleeper"));
        let parts = [(); 3].map(|()| Promise::<()>::new());
        let all = parts.clone();
        drop(create_task(async { drop(gather(all).await) }).named("gatherer"));
        let spins = Rc::new(Cell::new(true));
        let spin = spins.clone();
        let spinner = async move {
            while spin.get() {
                yield_now().await;
            }
        };
        drop(create_task(spinner).named("spinner"));
        for part in &parts {
            match &*line().await {
                "block" => std::thread::sleep(Duration::from_secs(4)),
                "stop" => spins.set(false),
                _ => {}
            }
            part.set_result(()).unwrap();
        }
        line().await;
    })
    .unwrap();
}

struct Program {
    child: Child,
    stdin: ChildStdin,
    url: String,
}

impl Program {
    fn start() -> Program {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let command = command
            .args(["--nocapture", "--exact", "a_loop_to_look_at"])
            .env("GLASSLOOP_INSPECT", "127.0.0.1:0")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut url = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut url).unwrap();
        let url = url.trim_end().strip_prefix("GLASSLOOP_INSPECT: ").unwrap();
        Program {
            stdin: child.stdin.take().unwrap(),
            url: url.to_owned(),
            child,
        }
    }

    fn says(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

/// What a task waits for, in the page.
fn waits(name: &str) -> String {
    format!(
        "[...document.querySelectorAll('#tasks tr')].find(row => row.cells[0].textContent === {name:?})?.cells[2].textContent"
    )
}

#[test]
fn the_inspectors_page_shows_a_loop_at_work() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let mut program = Program::start();
    browser.visit_server(&program.url);
    browser.await_value(&waits("gatherer"), json!("gather 0/3"));
    browser.await_value(&waits("spinner"), json!("READY"));
    browser.await_value(&waits("second"), json!("Promise"));
    let waited = browser.text(&waits("first"));
    assert!(
        waited.starts_with("fd ") && waited.ends_with(" readable"),
        "{waited}"
    );
    let waited = browser.text(&waits("sleeper"));
    assert!(waited.starts_with("sleep until 36"), "{waited}");
    assert_eq!(browser.eval(&waits("Task-1")), "a thread job");
    // Where: the line of the `.await`, in this file.
    let at = "[...document.querySelectorAll('#tasks td:last-child')].map(at => at.textContent)";
    let at = browser.eval(at);
    let places = at.as_array().unwrap();
    assert_eq!(places.len(), 7);
    for place in places {
        assert!(
            place.as_str().unwrap().starts_with("tests/inspector.rs:"),
            "{place}"
        );
    }

    let ready = "document.getElementById('ready').textContent";
    assert_eq!(browser.eval(ready), "spinner");
    let due = browser.text("document.getElementById('timers').textContent");
    assert!(due.contains("due in 35"), "{due}");
    let pools = "[...document.querySelectorAll('#pools tr')].map(row => row.cells[1].textContent)";
    let expected = [
        "1 started, 0 idle, 0 jobs queued, 1 not yet back",
        "1 in use, 0 idle, 1 waiting, 1 opened, 3 reused",
    ];
    assert_eq!(browser.eval(pools), json!(expected));
    // The same as text.
    let text = browser.text("fetch('text').then(answer => answer.text())");
    let session = format!("\nClientSession: {}\n", expected[1]);
    assert!(text.contains(&session), "{text}");
    let turns = "[...document.querySelectorAll('#turns tr')].map(row => +row.cells[2].textContent)";
    let before = browser.eval(&format!("{turns}.reduce((sum, count) => sum + count)"));
    assert_eq!(browser.eval(&format!("{turns}.length")), 8);
    assert!(before.as_u64().unwrap() > 100, "{before}");

    // It goes on by itself.
    program.says("stop");
    browser.await_value(&waits("gatherer"), json!("gather 1/3"));
    browser.await_value(&waits("spinner"), json!(null));
    browser.await_value(ready, json!("empty"));
    let more = format!("{turns}.reduce((sum, count) => sum + count) > {before}");
    browser.await_value(&more, json!(true));

    // A step that blocks the loop: no answer, and the page says so until there is one.
    let late = "document.getElementById('late').textContent.startsWith('no answer for ')";
    let why = "document.getElementById('late').textContent.split(' s: ')[1]";
    assert_eq!(browser.eval(late), false);
    program.says("block");
    browser.await_value(late, json!(true));
    assert_eq!(browser.text(why), "a step blocks the loop");
    browser.await_value(&waits("gatherer"), json!("gather 2/3"));
    browser.await_value(late, json!(false));
    // The turn was among the long ones: below 10 s.
    assert_eq!(browser.eval(&format!("{turns}[6]")), 1);
    let lengths = "[...document.querySelectorAll('#turns tr')].slice(-2).map(row => row.cells[0].textContent).join()";
    assert_eq!(browser.text(lengths), "below 10 s,10 s or more");

    assert_eq!(browser.complaints, [""; 0]);
    program.says("on");
    program.says("end");
    assert!(program.child.wait().unwrap().success());
    browser.await_value(why, json!("the loop has ended"));
    let program = Program::start();
    let (server, _) = program
        .url
        .rsplit_once('/')
        .unwrap()
        .0
        .rsplit_once('/')
        .unwrap();
    browser.visit_server(&format!("{server}/{}/", "0".repeat(32)));
    assert_eq!(browser.text("document.body.textContent"), "404 Not Found\n");
    browser.complaints.clear();
    done(browser);
}
