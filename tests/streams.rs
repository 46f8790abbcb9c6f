//! Streams over TCP and Unix sockets: exact bytes, limits, ends, cancellation, backpressure and the server's closing.

use std::cell::RefCell;
use std::future::Future;
use std::io::ErrorKind;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use glassloop::net::{
    Server, StreamError, StreamReader, StreamWriter, TcpListener, TcpStream, open_connection,
    start_server,
};
use glassloop::{
    EventLoop, ExceptionContext, LoopError, all_tasks, catch_cancel, create_task, get_running_loop,
    run, sleep, wait_graph, yield_now,
};

async fn peers() -> (StreamReader, StreamWriter, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (reader, writer) = open_connection(&address).await.unwrap();
    let (peer, _) = listener.accept().await.unwrap();
    (reader, writer, peer)
}

fn echo() -> Server {
    start_server("127.0.0.1:0", async |mut reader, mut writer| {
        while let Ok(line) = reader.readline().await {
            if line.is_empty() {
                break;
            }
            writer.write(&line).unwrap();
        }
    })
    .unwrap()
}

#[test]
fn lines_lengths_and_ends_are_exact() {
    run(async {
        let (mut reader, _writer, mut peer) = peers().await;
        peer.write_all(b"one\ntwo|threelast").await.unwrap();
        drop(peer);
        assert_eq!(reader.readline().await.unwrap(), b"one\n");
        assert_eq!(reader.readuntil(b"|").await.unwrap(), b"two|");
        assert_eq!(reader.readexactly(5).await.unwrap(), b"three");
        assert_eq!(reader.read(2).await.unwrap(), b"la");
        assert!(!reader.at_eof());
        let early = reader.readexactly(5).await.unwrap_err();
        assert_eq!(
            early.to_string(),
            "2 bytes read on a total of 5 expected bytes"
        );
        let StreamError::Incomplete { partial, .. } = early else {
            panic!("{early:?}")
        };
        assert_eq!(partial, b"st");
        assert!(reader.at_eof());
        assert_eq!(reader.readline().await.unwrap(), b"");
        assert_eq!(reader.read_to_end().await.unwrap(), b"");
    })
    .unwrap();
}

#[test]
fn a_line_beyond_the_limit_stays_in_the_buffer() {
    run(async {
        let (mut reader, _writer, mut peer) = peers().await;
        reader.set_limit(4);
        peer.write_all(b"123456\n").await.unwrap();
        let found = reader.readline().await.unwrap_err();
        assert!(
            matches!(
                found,
                StreamError::LimitOverrun {
                    consumed: 6,
                    found: true
                }
            ),
            "{found:?}"
        );
        let missing = reader.readuntil(b"||").await.unwrap_err();
        assert!(
            matches!(
                missing,
                StreamError::LimitOverrun {
                    consumed: 6,
                    found: false
                }
            ),
            "{missing:?}"
        );
        assert_eq!(reader.readexactly(7).await.unwrap(), b"123456\n");
    })
    .unwrap();
}

#[test]
fn a_cancelled_read_loses_nothing() {
    run(async {
        let (mut reader, _writer, mut peer) = peers().await;
        peer.write_all(b"abc").await.unwrap();
        for _ in 0..3 {
            yield_now().await;
        }
        assert_eq!(reader.read(1).await.unwrap(), b"a");
        let mut context = Context::from_waker(Waker::noop());
        assert!(pin!(reader.readexactly(5)).poll(&mut context).is_pending());
        assert!(pin!(reader.readline()).poll(&mut context).is_pending());
        assert!(pin!(reader.read_to_end()).poll(&mut context).is_pending());
        assert_eq!(reader.buffered(), b"bc");
        peer.write_all(b"def").await.unwrap();
        assert_eq!(reader.readexactly(5).await.unwrap(), b"bcdef");
    })
    .unwrap();
}

#[test]
fn drain_waits_above_the_high_water_mark_and_every_byte_arrives() {
    run(async {
        let (_reader, mut writer, mut peer) = peers().await;
        let sent: Vec<u8> = (0..16 << 20).map(|n: u32| n as u8).collect();
        writer.write(&sent).unwrap();
        assert!(writer.unsent() > 64 * 1024);
        let mut context = Context::from_waker(Waker::noop());
        assert!(pin!(writer.drain()).poll(&mut context).is_pending());
        writer.write_eof();
        assert!(writer.write(b"x").is_err());
        let reading = glassloop::create_task(async move {
            let (mut got, mut chunk) = (Vec::new(), vec![0; 65536]);
            loop {
                match peer.read(&mut chunk).await.unwrap() {
                    0 => return got,
                    n => got.extend_from_slice(&chunk[..n]),
                }
            }
        });
        writer.drain().await.unwrap();
        assert!(writer.unsent() <= 16 * 1024);
        assert!(reading.await.unwrap() == sent);
    })
    .unwrap();
}

#[test]
fn a_closed_server_refuses_and_waits_for_its_connections() {
    run(async {
        let server = echo();
        let address = server.local_addr().unwrap().to_string();
        let (mut reader, mut writer) = open_connection(&address).await.unwrap();
        writer.write(b"one\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"one\n");
        let handler = wait_graph().nodes.pop().unwrap();
        assert_eq!(handler.coroutine, "client_connected_cb");
        server.close();
        assert!(open_connection(&address).await.is_err());
        writer.writelines([b"two\n", b"six\n"]).unwrap();
        assert_eq!(reader.readexactly(8).await.unwrap(), b"two\nsix\n");
        let mut context = Context::from_waker(Waker::noop());
        assert!(pin!(server.wait_closed()).poll(&mut context).is_pending());
        writer.close();
        writer.wait_closed().await.unwrap();
        server.wait_closed().await;
        yield_now().await;
        assert_eq!(all_tasks().len(), 1);
    })
    .unwrap();
}

#[test]
fn closing_the_clients_ends_their_streams() {
    run(async {
        let server = echo();
        let address = server.local_addr().unwrap().to_string();
        let (mut reader, mut writer) = open_connection(&address).await.unwrap();
        writer.write(b"x\n").unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"x\n");
        server.close_clients();
        assert_eq!(reader.read_to_end().await.unwrap(), b"");
        server.close();
        server.wait_closed().await;
        assert!(server.serve_forever().await.is_err());
    })
    .unwrap();
}

#[test]
fn a_read_that_is_dropped_leaves_no_waiter_in_the_reactor() {
    let event_loop = EventLoop::builder().virtual_time().build().unwrap();
    let ended = event_loop.run_until_complete(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (mut reader, _writer) = open_connection(&address).await.unwrap();
        let limit = Duration::from_millis(5);
        // In virtual time the clock stands still while a socket is waited for, so the limit is a cancellation.
        let task = create_task(async move {
            let read = catch_cancel(reader.read(1)).await;
            assert!(read.is_err());
            // With a waiter left behind this would hang; without one nothing can ever wake the loop.
            sleep(limit).await;
            std::future::pending::<()>().await;
        });
        yield_now().await;
        yield_now().await;
        task.cancel();
        let _ = task.await;
    });
    assert!(matches!(ended, Err(LoopError::Deadlock(_))), "{ended:?}");
}

#[test]
fn drain_after_close_tells_that_bytes_are_lost() {
    run(async {
        for waits in [false, true] {
            let (_reader, mut writer, _peer) = peers().await;
            writer.write(b"last").unwrap();
            writer.close();
            if waits {
                writer.wait_closed().await.unwrap();
            }
            for _ in 0..2 {
                writer.write(b"lost").unwrap();
                let error = writer.drain().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                assert_eq!(error.to_string(), "Connection lost");
            }
        }
    })
    .unwrap();
}

#[test]
fn a_handler_that_panics_is_reported_as_the_servers() {
    let reported = Rc::new(RefCell::new(Vec::new()));
    let reports = reported.clone();
    let address = run(async move {
        let event_loop = get_running_loop().unwrap();
        let handler = move |context: &ExceptionContext| reports.borrow_mut().push(context.clone());
        event_loop.set_exception_handler(handler);
        let server = start_server("127.0.0.1:0", async |_, _| panic!("bad")).unwrap();
        let address = server.local_addr().unwrap().to_string();
        let (mut reader, writer) = open_connection(&address).await.unwrap();
        assert_eq!(reader.read_to_end().await.unwrap(), b"");
        yield_now().await;
        writer.local_addr().unwrap()
    })
    .unwrap();
    let reported = reported.borrow();
    assert_eq!(reported.len(), 1, "{reported:?}");
    let context = &reported[0];
    assert_eq!(
        context.message,
        "Unhandled exception in client_connected_cb"
    );
    let transport = format!("\ntransport: to {address}");
    assert!(context.source.ends_with(&transport), "{context}");
    assert_eq!(context.panic.as_ref().unwrap().message(), "bad");
}

#[test]
fn readuntil_takes_the_separator_that_ends_first() {
    run(async {
        let (mut reader, _writer, mut peer) = peers().await;
        peer.write_all(b"one\rtwo\r\nthree|>>end").await.unwrap();
        let ends: [&[u8]; 2] = [b"\r\n", b"\r"];
        assert_eq!(reader.readuntil_any(&ends).await.unwrap(), b"one\r");
        assert_eq!(reader.readuntil_any(&ends).await.unwrap(), b"two\r");
        let ends: [&[u8]; 2] = [b"\n", b"|>>"];
        assert_eq!(reader.readuntil_any(&ends).await.unwrap(), b"\n");
        // It arrives in two pieces.
        let late = create_task(async move {
            sleep(Duration::from_millis(5)).await;
            peer.write_all(b"|").await.unwrap();
            yield_now().await;
            peer.write_all(b">").await.unwrap();
            peer
        });
        assert_eq!(reader.readuntil_any(&ends).await.unwrap(), b"three|>>");
        assert_eq!(
            reader.readuntil_any(&[b"|>", b"?"]).await.unwrap(),
            b"end|>"
        );
        drop(late.await);
        let none = reader.readuntil_any(&[]).await.unwrap_err();
        assert_eq!(
            none.to_string(),
            "Separator should contain at least one element"
        );
        let empty = reader.readuntil_any(&[b"x", b""]).await.unwrap_err();
        assert_eq!(
            empty.to_string(),
            "Separator should be at least one-byte string"
        );
    })
    .unwrap();
}
