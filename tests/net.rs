//! Sockets on the loop: ends of streams, halves, descriptors that are used again, and refusals.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use glassloop::net::{TcpListener, TcpStream};
use glassloop::{create_task, gather, run, timeout, yield_now};

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = TcpStream::connect_to(address);
    let (client, accepted) = gather((client, async move { listener.accept().await }))
        .await
        .unwrap();
    (client.unwrap(), accepted.unwrap().0)
}

#[test]
fn a_closed_direction_ends_the_stream_and_the_other_goes_on() {
    run(async {
        let (mut client, mut server) = pair().await;
        client.write_all(b"question").await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut question = [0; 8];
        server.read_exact(&mut question).await.unwrap();
        assert_eq!(&question, b"question");
        assert_eq!(server.read(&mut [0; 8]).await.unwrap(), 0);
        server.write_all(b"yes").await.unwrap();
        drop(server);
        let mut answer = [0; 4];
        let early = client.read_exact(&mut answer).await.unwrap_err();
        assert_eq!(early.kind(), ErrorKind::UnexpectedEof);
        assert_eq!(
            early.to_string(),
            "3 bytes read on a total of 4 expected bytes"
        );
        assert_eq!(&answer[..3], b"yes");
    })
    .unwrap();
}

#[test]
fn a_megabyte_goes_both_ways_through_the_halves() {
    run(async {
        let (client, server) = pair().await;
        let (mut from_client, mut to_client) = server.split();
        let echo = create_task(async move {
            let mut buffer = vec![0; 4096];
            loop {
                let n = from_client.read(&mut buffer).await.unwrap();
                if n == 0 {
                    return;
                }
                to_client.write_all(&buffer[..n]).await.unwrap();
            }
        });
        let (mut from_server, mut to_server) = client.split();
        let sent: Vec<u8> = (0..1 << 20).map(|i| (i % 251) as u8).collect();
        let outgoing = sent.clone();
        let writer = create_task(async move { to_server.write_all(&outgoing).await.unwrap() });
        let (mut received, mut buffer) = (Vec::new(), vec![0; 8192]);
        loop {
            let n = from_server.read(&mut buffer).await.unwrap();
            if n == 0 {
                break;
            }
            received.extend_from_slice(&buffer[..n]);
        }
        assert!(received == sent);
        writer.await.unwrap();
        echo.await.unwrap();
    })
    .unwrap();
}

#[test]
fn streams_have_the_traits_of_futures_io() {
    run(async {
        let (mut client, mut server) = pair().await;
        let write = poll_fn(|context| Pin::new(&mut client).poll_write(context, b"Hello!"));
        assert_eq!(write.await.unwrap(), 6);
        poll_fn(|context| Pin::new(&mut client).poll_close(context))
            .await
            .unwrap();
        let mut buffer = [0; 16];
        let read = poll_fn(|context| Pin::new(&mut server).poll_read(context, &mut buffer));
        assert_eq!(read.await.unwrap(), 6);
        assert_eq!(&buffer[..6], b"Hello!");
    })
    .unwrap();
}

#[test]
fn halves_have_the_traits_of_futures_io_and_the_exact_forms() {
    run(async {
        let (client, server) = pair().await;
        let (mut reads, mut writes) = (server.split().0, client.split().1);
        let write = poll_fn(|context| Pin::new(&mut writes).poll_write(context, b"Hel"));
        assert_eq!(write.await.unwrap(), 3);
        assert_eq!(writes.write(b"lo").await.unwrap(), 2);
        let mut word = [0; 5];
        reads.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"Hello");
        writes.write_all(b"!").await.unwrap();
        let read = poll_fn(|context| Pin::new(&mut reads).poll_read(context, &mut word));
        assert_eq!(read.await.unwrap(), 1);
        poll_fn(|context| Pin::new(&mut writes).poll_close(context))
            .await
            .unwrap();
        let early = reads.read_exact(&mut word).await.unwrap_err();
        assert_eq!(early.kind(), ErrorKind::UnexpectedEof);
    })
    .unwrap();
}

#[test]
fn descriptors_are_used_again_without_confusion() {
    run(async {
        for i in 0..200u8 {
            let (mut client, mut server) = pair().await;
            // A read that is given up leaves nothing behind for the next owner of the descriptor.
            let given_up = timeout(Duration::ZERO, client.read(&mut [0; 1])).await;
            assert!(given_up.is_err());
            server.write_all(&[i]).await.unwrap();
            let mut byte = [0];
            client.read_exact(&mut byte).await.unwrap();
            assert_eq!(byte, [i]);
        }
    })
    .unwrap();
}

#[test]
fn a_second_accept_is_refused_and_the_first_goes_on() {
    run(async {
        let listener = Rc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        let first = listener.clone();
        let first = create_task(async move { first.accept().await.map(drop) });
        yield_now().await;
        let second = listener.accept().await.unwrap_err();
        assert_eq!(second.kind(), ErrorKind::ResourceBusy);
        let _client = TcpStream::connect_to(address).await.unwrap();
        first.await.unwrap().unwrap();
    })
    .unwrap();
}

#[test]
fn what_cannot_be_connected_is_an_error() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let taken = TcpListener::bind(&address.to_string())
            .map(drop)
            .unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        drop(listener);
        let refused = TcpStream::connect_to(address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        for bad in ["nonsense", "127.0.0.1:port", "127.0.0.1:70000"] {
            let refused = TcpStream::connect(bad).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{bad}");
        }
    })
    .unwrap();
}
