//! Unix sockets: streams, datagrams, and asyncio's streams over them.
#![cfg(unix)]

use std::io::ErrorKind;
use std::rc::Rc;

use glassloop::net::{
    UnixDatagram, UnixListener, UnixStream, open_unix_connection, start_unix_server,
};
use glassloop::{create_task, run, yield_now};

fn path(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("glassloop-{name}-{}", std::process::id()))
}

#[test]
fn a_stream_and_datagrams_carry_exact_bytes() {
    run(async {
        let path = path("listener");
        let listener = UnixListener::bind(&path).unwrap();
        let mut near = UnixStream::connect(&path).await.unwrap();
        let mut far = listener.accept().await.unwrap();
        std::fs::remove_file(&path).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(near.write(b"hello").await.unwrap(), 5);
        assert_eq!(far.read(&mut buffer).await.unwrap(), 5);
        assert_eq!(&buffer[..5], b"hello");
        drop(near);
        assert_eq!(far.read(&mut buffer).await.unwrap(), 0);
        let (one, other) = UnixDatagram::pair().unwrap();
        one.send(b"ab").await.unwrap();
        one.send(b"c").await.unwrap();
        assert_eq!(other.recv(&mut buffer).await.unwrap(), 2);
        assert_eq!(other.recv(&mut buffer).await.unwrap(), 1);
    })
    .unwrap();
}

#[test]
fn halves_carry_a_megabyte_and_end_each_direction() {
    run(async {
        let (near, far) = UnixStream::pair().unwrap();
        let (mut reads, mut writes) = near.split();
        let echo = create_task(async move {
            let (mut from, mut to) = far.split();
            let mut all = vec![0; 1 << 20];
            from.read_exact(&mut all).await.unwrap();
            assert_eq!(from.read(&mut [0]).await.unwrap(), 0);
            to.write_all(&all).await.unwrap();
        });
        let sent: Vec<u8> = (0..1 << 20).map(|i| (i % 251) as u8).collect();
        writes.write_all(&sent).await.unwrap();
        drop(writes);
        let mut received = vec![0; 1 << 20];
        reads.read_exact(&mut received).await.unwrap();
        assert!(received == sent);
        assert_eq!(reads.read(&mut [0]).await.unwrap(), 0);
        echo.await.unwrap();
    })
    .unwrap();
}

#[test]
fn a_second_accept_of_a_unix_listener_is_refused() {
    run(async {
        let path = path("twice");
        let listener = Rc::new(UnixListener::bind(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        let first = listener.clone();
        let first = create_task(async move { first.accept().await.map(drop) });
        yield_now().await;
        let second = listener.accept().await.unwrap_err();
        assert_eq!(second.kind(), ErrorKind::ResourceBusy);
        first.cancel();
    })
    .unwrap();
}

#[test]
fn streams_run_over_unix_sockets() {
    run(async {
        let path = path("server");
        let server = start_unix_server(&path, async |mut reader, mut writer| {
            let all = reader.read_to_end().await.unwrap();
            writer.write(&all).unwrap();
        })
        .unwrap();
        let (mut reader, mut writer) = open_unix_connection(&path).await.unwrap();
        std::fs::remove_file(&path).unwrap();
        writer.write(b"there and back").unwrap();
        writer.write_eof();
        assert_eq!(reader.read_to_end().await.unwrap(), b"there and back");
        server.close();
        server.wait_closed().await;
    })
    .unwrap();
}

#[test]
fn a_server_s_file_goes_with_it_and_one_that_was_left_is_replaced() {
    run(async {
        let path = path("file");
        // Left by a server that did not end well.
        drop(UnixListener::bind(&path).unwrap());
        for _ in 0..2 {
            let server = start_unix_server(&path, async |_, _| ()).unwrap();
            assert!(path.exists());
            server.close();
            assert!(!path.exists());
        }
        // What is no socket is nobody's to remove.
        std::fs::write(&path, "precious").unwrap();
        let refused = start_unix_server(&path, async |_, _| ()).map(drop);
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        std::fs::remove_file(&path).unwrap();
        // Nor is the file of a later server.
        let server = start_unix_server(&path, async |_, _| ()).unwrap();
        let later = start_unix_server(&path, async |_, _| ()).unwrap();
        server.close();
        assert!(path.exists());
        later.close();
        assert!(!path.exists());
    })
    .unwrap();
}
