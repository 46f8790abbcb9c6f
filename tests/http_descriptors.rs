//! Descriptors of the HTTP client. In a process of its own, since others would open some meanwhile.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use glassloop::http::ClientSession;
use glassloop::{create_task, run, sleep};

/// Every await of a request is cut at some time by one of these; whatever it had open is closed again.
#[test]
fn thousands_of_cancelled_requests_leave_no_descriptor_behind() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let answering = thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap_or(0);
            if request[..length].starts_with(b"GET /end") {
                return;
            }
            // Half of an answer: whoever waits for the rest is cut there. An error: cut before.
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nHel");
        }
    });
    run(async move {
        let session = ClientSession::new();
        // The first one makes what is made once, and is ended by the server that closes too early.
        assert!(session.get(&url).await.unwrap().text().await.is_err());
        let before = open();
        for round in 0..2000 {
            let (session, url) = (session.clone(), url.clone());
            let task = create_task(async move { session.get(url).await?.text().await });
            for _ in 0..round % 9 {
                sleep(Duration::ZERO).await;
            }
            task.cancel();
            assert!(!matches!(task.await, Ok(Ok(_))));
        }
        // What the server has accepted it closes in its own time, but none of that is ours.
        for _ in 0..100 {
            if open() <= before + 1 {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        assert!(
            open() <= before + 1,
            "{} descriptors, {before} before",
            open()
        );
        assert_eq!(glassloop::all_tasks().len(), 1);
        drop(session.get(format!("{url}end")).await);
    })
    .unwrap();
    answering.join().unwrap();
}
