//! Descriptors of the HTTP client. In a process of its own, since others would open some meanwhile, and one test at a time.
#![cfg(target_os = "linux")]

use std::future::{Future, ready};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use glassloop::http::{ClientSession, Resolve, TcpConnector};
use glassloop::{create_task, run, sleep};

static ALONE: Mutex<()> = Mutex::new(());

fn open() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Every await of a request is cut at some time by one of these; whatever it had open is closed again.
#[test]
fn r85_ten_thousand_cancelled_requests_leave_no_descriptor_behind() {
    let _alone = ALONE.lock().unwrap();
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
        for round in 0..10_000 {
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

/// Two addresses that say nothing, and one that answers.
struct Names([IpAddr; 3]);

impl Resolve for Names {
    fn resolve(&self, _: &str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>>>> {
        Box::pin(ready(Ok(self.0.to_vec())))
    }
}

#[test]
fn r78_the_losers_of_a_race_are_closed_in_the_turn_of_the_winner() {
    let _alone = ALONE.lock().unwrap();
    // Their queues are full: a connect hangs.
    let any = "127.0.0.2:0".parse::<SocketAddr>().unwrap();
    let first = silent(any);
    let port = first.local_addr().unwrap().as_socket().unwrap().port();
    let second = silent(SocketAddr::new("127.0.0.3".parse().unwrap(), port));
    let mut fill = Vec::new();
    for hole in [&first, &second] {
        let address = hole.local_addr().unwrap().as_socket().unwrap();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            fill.push(stream);
        }
    }
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.1"];
    let names = Names(addresses.map(|address| address.parse().unwrap()));
    run(async move {
        let connector = TcpConnector::builder().resolver(Rc::new(names));
        let connector = connector.happy_eyeballs_delay(Duration::from_millis(30));
        let session = ClientSession::builder()
            .connector(connector)
            .build()
            .unwrap();
        let before = open();
        let getting =
            create_task(async move { session.get(format!("http://x.example:{port}/")).await });
        // All three are tried by and by; the kernel connects the third by itself.
        let mut most = 0;
        listener.set_nonblocking(true).unwrap();
        let mut stream = loop {
            most = most.max(open());
            match listener.accept() {
                Ok((stream, _)) => break stream,
                Err(_) => sleep(Duration::from_millis(1)).await,
            }
        };
        // The turn of the winner is over when it has sent its request.
        stream.set_nonblocking(true).unwrap();
        let mut byte = [0];
        while stream.peek(&mut byte).is_err() {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(open(), before + 2, "the winner, and the server's end of it");
        // The third wins within a turn of its beginning, which nobody need have seen; the losers were there before it.
        assert!(most >= before + 2, "{most} at most, {before} before");
        stream.write_all(b"HTTP/1.1 204 x\r\n\r\n").unwrap();
        assert_eq!(getting.await.unwrap().unwrap().status(), 204);
    })
    .unwrap();
}

fn silent(address: SocketAddr) -> socket2::Socket {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(0).unwrap();
    socket
}
