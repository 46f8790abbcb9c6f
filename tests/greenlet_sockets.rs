//! Blocking-looking sockets, and a blocking library on them.

#[path = "../examples/support/mod.rs"]
mod support;

use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use glassloop::greenlet::{self, TcpStream};
use glassloop::net::{self, TcpListener};
use glassloop::{TaskError, create_task, gather, sleep, wait_graph, yield_now};
use support::blocking;
use support::server::{Config, ToyServer};
use support::ureq_greenlet::agent;

const TICK: Duration = Duration::from_millis(20);

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Lets what a greenlet is about reach the socket.
async fn until_it_waits() {
    sleep(TICK).await;
}

#[test]
fn read_and_write_suspend_the_greenlet_only() {
    glassloop::run(async {
        let (listener, address) = listen();
        let client = greenlet::spawn(move || {
            let mut stream = TcpStream::connect(&address.to_string()).unwrap();
            stream.write_all(b"ping\n").unwrap();
            let mut answer = String::new();
            BufReader::new(&stream).read_line(&mut answer).unwrap();
            answer
        });
        let (mut peer, _) = listener.accept().await.unwrap();
        let mut request = [0; 5];
        peer.read_exact(&mut request).await.unwrap();
        assert_eq!(&request, b"ping\n");
        assert!(!client.done());
        peer.write_all(b"pong\n").await.unwrap();
        assert_eq!(client.await.unwrap(), "pong\n");
    })
    .unwrap();
}

#[test]
fn cancelled_in_the_middle_of_a_read_it_closes_its_connection_and_has_taken_nothing() {
    glassloop::run(async {
        let (listener, address) = listen();
        let reads_at = line!() + 6;
        let kept = Rc::new(std::cell::RefCell::new(None));
        let handle = kept.clone();
        let client = greenlet::spawn(move || {
            let mut stream = TcpStream::connect_to(address).unwrap();
            handle.replace(Some(stream.try_clone().unwrap()));
            let read = stream.read(&mut [0; 4]);
            unreachable!("{read:?}");
        });
        let (mut peer, _) = listener.accept().await.unwrap();
        until_it_waits().await;
        let number = client.as_any().number();
        let graph = wait_graph();
        let node = graph.nodes.iter().find(|node| node.number == number);
        let node = node.unwrap();
        let waits_for = node.waits_for.as_deref().unwrap();
        assert!(waits_for.ends_with(" readable"), "{waits_for}");
        let site = node.site.unwrap();
        assert!(site.file().ends_with("tests/greenlet_sockets.rs"), "{site}");
        assert_eq!(site.line(), reads_at);

        client.cancel();
        assert!(matches!(client.await, Err(TaskError::Cancelled)));
        // The other handle still reads, from the first byte on.
        peer.write_all(b"pong").await.unwrap();
        let stream = kept.take().unwrap();
        let other = greenlet::spawn(move || {
            let mut answer = [0; 4];
            (&stream).read_exact(&mut answer).map(|()| answer)
        });
        assert_eq!(&other.await.unwrap().unwrap(), b"pong");
        assert_eq!(peer.read(&mut [0; 1]).await.unwrap(), 0);
    })
    .unwrap();
}

#[test]
fn timeouts_are_errors_and_lose_nothing() {
    glassloop::run(async {
        let (listener, address) = listen();
        let client = greenlet::spawn(move || {
            let mut stream = TcpStream::connect_timeout(address, Duration::from_secs(10)).unwrap();
            let clone = stream.try_clone().unwrap();
            let zero = clone.set_read_timeout(Some(Duration::ZERO)).unwrap_err();
            assert_eq!(zero.kind(), ErrorKind::InvalidInput);
            clone.set_read_timeout(Some(TICK)).unwrap();
            assert_eq!(stream.read_timeout(), Some(TICK));
            let begin = Instant::now();
            let late = stream.read(&mut [0; 4]).unwrap_err();
            assert_eq!(late.kind(), ErrorKind::TimedOut);
            assert!(begin.elapsed() >= TICK);
            clone.set_read_timeout(None).unwrap();
            stream.write_all(b"!").unwrap();
            let mut answer = [0; 4];
            stream.read_exact(&mut answer).unwrap();

            // Nobody reads: sooner or later the kernel takes no more.
            stream.set_write_timeout(Some(TICK)).unwrap();
            let full = stream.write_all(&vec![0; 64 << 20]).unwrap_err();
            assert_eq!(full.kind(), ErrorKind::TimedOut);
            answer
        });
        let (mut peer, _) = listener.accept().await.unwrap();
        peer.read_exact(&mut [0; 1]).await.unwrap();
        peer.write_all(b"pong").await.unwrap();
        assert_eq!(&client.await.unwrap(), b"pong");
    })
    .unwrap();
}

#[test]
fn one_greenlet_reads_while_another_writes() {
    glassloop::run(async {
        let (listener, address) = listen();
        let server = create_task(async move {
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4096];
            loop {
                match peer.read(&mut buffer).await.unwrap() {
                    0 => break,
                    n => peer.write_all(&buffer[..n]).await.unwrap(),
                }
            }
        });
        let connect = greenlet::spawn(move || TcpStream::connect_to(address).unwrap());
        let stream = connect.await.unwrap();
        let mut writing = stream.try_clone().unwrap();
        let size = 1 << 20; // more than the sockets' buffers hold
        let writer = greenlet::spawn(move || {
            writing.write_all(&vec![7; size]).unwrap();
            writing.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut third = stream.try_clone().unwrap();
        let reader = greenlet::spawn(move || {
            let mut all = Vec::new();
            (&stream).read_to_end(&mut all).unwrap();
            all
        });
        yield_now().await;
        yield_now().await;
        // Two that wait in the same direction: one would lose its wake.
        let second = greenlet::spawn(move || third.read(&mut [0; 1]).unwrap_err().kind());
        assert_eq!(second.await.unwrap(), ErrorKind::ResourceBusy);
        assert!(reader.await.unwrap() == vec![7; size]);
        writer.await.unwrap();
        server.await.unwrap();
    })
    .unwrap();
}

#[test]
fn a_buffer_is_flushed_as_its_greenlet_is_cancelled() {
    glassloop::run(async {
        let (listener, address) = listen();
        let client = greenlet::spawn(move || {
            let mut out = BufWriter::new(TcpStream::connect_to(address).unwrap());
            out.write_all(b"the rest").unwrap();
            greenlet::sleep(Duration::from_secs(3600));
        });
        let (mut peer, _) = listener.accept().await.unwrap();
        until_it_waits().await;
        client.cancel();
        assert!(matches!(client.await, Err(TaskError::Cancelled)));
        let mut rest = [0; 8];
        peer.read_exact(&mut rest).await.unwrap();
        assert_eq!(&rest, b"the rest");
        assert_eq!(peer.read(&mut [0; 1]).await.unwrap(), 0);
    })
    .unwrap();
}

#[test]
fn what_cannot_wait_gets_an_error() {
    struct ReadsOnDrop(TcpStream, Rc<std::cell::RefCell<String>>);
    impl Drop for ReadsOnDrop {
        fn drop(&mut self) {
            let error = self.0.read(&mut [0; 1]).unwrap_err();
            *self.1.borrow_mut() = error.to_string();
        }
    }
    glassloop::run(async {
        let (listener, address) = listen();
        let seen = Rc::new(std::cell::RefCell::new(String::new()));
        let note = seen.clone();
        let client = greenlet::spawn(move || {
            let stream = TcpStream::connect_to(address).unwrap();
            let _on_stack = ReadsOnDrop(stream, note);
            greenlet::sleep(Duration::from_secs(3600));
        });
        let _peer = listener.accept().await.unwrap();
        until_it_waits().await;
        client.cancel();
        assert!(matches!(client.await, Err(TaskError::Cancelled)));
        assert!(
            seen.borrow().starts_with("waiting in a destructor"),
            "{seen:?}"
        );

        let stream = net::TcpStream::connect_to(address).await.unwrap();
        let outside = TcpStream::from(stream).read(&mut [0; 1]).unwrap_err();
        assert_eq!(
            outside.to_string(),
            "waiting outside of a greenlet: call this in a function that greenlet::spawn runs"
        );
        let outside: io::Result<TcpStream> = TcpStream::connect_to(address);
        assert!(outside.is_err());
    })
    .unwrap();
}

// The library: `ureq` as it comes.

fn toy_server(delay: Duration) -> ToyServer {
    let config = Config {
        delay,
        ..Config::default()
    };
    ToyServer::start(config).unwrap()
}

#[test]
fn ureq_fetches_a_hundred_pages_in_the_time_of_one() {
    let delay = Duration::from_millis(500);
    let server = toy_server(delay);
    let url = server.url();
    let begin = Instant::now();
    let pages = glassloop::run(async move {
        let client = agent(blocking::config());
        let fetch = |_| {
            let (client, url) = (client.clone(), url.clone());
            greenlet::spawn(move || blocking::get_by(&client, &url))
        };
        gather((0..100).map(fetch).collect::<Vec<_>>()).await
    });
    let took = begin.elapsed();
    for page in pages.unwrap().unwrap() {
        assert_eq!(page, Ok((200, "Hello!".to_owned())));
    }
    assert_eq!((server.served(), server.peak_in_flight()), (100, 100));
    assert!(took < 10 * delay, "{took:?}");
}

#[test]
fn ureq_keeps_connections_and_sees_when_they_have_closed() {
    let server = toy_server(Duration::ZERO);
    let url = server.url();
    let port = url
        .rsplit(':')
        .next()
        .unwrap()
        .trim_end_matches('/')
        .to_owned();
    glassloop::run(async move {
        let client = agent(blocking::config());
        // A name, which the thread pool looks up.
        let named = format!("http://localhost:{port}/");
        let task = greenlet::spawn(move || {
            for _ in 0..3 {
                let page = blocking::get_by(&client, &named);
                assert_eq!(page, Ok((200, "Hello!".to_owned())));
            }
            drop(server);
            let gone = blocking::get_by(&client, &named).unwrap_err();
            assert!(gone.contains("onnection refused"), "{gone}");
        });
        task.await.unwrap();
    })
    .unwrap();
}

#[test]
fn ureqs_own_timeouts_hold() {
    let server = toy_server(Duration::from_secs(60));
    let url = server.url();
    let error = glassloop::run(async move {
        let config = ureq::Agent::config_builder()
            .proxy(None)
            .timeout_global(Some(Duration::from_millis(100)))
            .build();
        greenlet::spawn(move || blocking::get_by(&agent(config), &url)).await
    });
    let error = error.unwrap().unwrap().unwrap_err();
    assert!(error.ends_with(": timeout: global"), "{error}");
}
