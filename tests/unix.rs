//! Unix sockets: streams, datagrams, and asyncio's streams over them.
#![cfg(unix)]

use glassloop::net::{
    UnixDatagram, UnixListener, UnixStream, open_unix_connection, start_unix_server,
};
use glassloop::run;

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
