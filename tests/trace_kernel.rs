//! What the kernel tells of a peer that has gone is in the trace, and in the forms that have room for it.

use std::net::{TcpListener, TcpStream as Peer};
use std::rc::Rc;
use std::time::Duration;

use glassloop::EventLoop;
use glassloop::net::TcpStream;
use glassloop::trace::{self, Kind, Recorder, Trace};

/// A client waits for input, and its peer does this instead.
fn while_it_waits(ends: fn(Peer)) -> Trace {
    let recorder = Rc::new(Recorder::new("client"));
    let event_loop = EventLoop::builder()
        .observer(recorder.clone())
        .build()
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (peer, _) = listener.accept().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        ends(peer);
    });
    event_loop
        .run_until_complete(async move {
            let mut client = TcpStream::connect_to(address).await.unwrap();
            let _ = client.read(&mut [0; 8]).await;
        })
        .unwrap();
    event_loop.close().unwrap();
    server.join().unwrap();
    let trace = recorder.trace();
    assert_eq!(trace::check(&trace), []);
    trace
}

/// The flags of the last event, without those of the directions.
fn told(trace: &Trace) -> u8 {
    let mut events = trace.records.iter().filter(|r| r.kind == Kind::IoEvent);
    events.next_back().unwrap().flags & !3
}

#[test]
fn a_peer_that_closes_is_told_from_one_that_writes() {
    let trace = while_it_waits(|mut peer| std::io::Write::write_all(&mut peer, b"hello").unwrap());
    // It closes as well, when it is dropped, maybe before the event is fetched.
    assert_eq!(told(&trace) & 8, 0);

    let trace = while_it_waits(drop);
    assert_eq!(told(&trace), 4);
    assert!(trace::text(&trace).contains("+closed→T1"));
    assert!(trace::chrome(&[trace]).contains(": closed\""));
}

#[test]
fn a_connection_that_is_reset_has_an_error() {
    let trace = while_it_waits(|peer| {
        let socket = socket2::SockRef::from(&peer);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    });
    assert_eq!(told(&trace), 4 | 8);
    assert!(trace::text(&trace).contains("+closed+error→T1"));
    assert!(trace::chrome(&[trace]).contains(": closed, error\""));
}
