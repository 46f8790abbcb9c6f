//! Accepting when the process has no descriptors left. In a process of its own, since the limit is the whole process's.

use std::fs::File;
use std::io::{Read, Write};
use std::time::Duration;

use glassloop::net::TcpListener;
use glassloop::{run, sleep, timeout};

/// Takes every descriptor that is left.
fn take_all() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

#[test]
fn accept_goes_on_when_descriptors_are_free_again() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut early = std::net::TcpStream::connect(address).unwrap();
        let (_, hard) = rlimit::Resource::NOFILE.get().unwrap();
        rlimit::Resource::NOFILE.set(256, hard).unwrap();
        let all = take_all();
        // It neither fails nor ends: the client stays in the backlog.
        let refused = timeout(Duration::from_millis(300), listener.accept()).await;
        assert!(
            refused.is_err(),
            "accepted without a descriptor: {refused:?}"
        );
        drop(all);

        let (mut stream, _) = listener.accept().await.unwrap();
        early.write_all(b"hello").unwrap();
        let mut greeting = [0; 5];
        stream.read_exact(&mut greeting).await.unwrap();
        assert_eq!(&greeting, b"hello");
        drop(stream);
        assert_eq!(early.read(&mut [0]).unwrap(), 0);

        // A client that is gone before it is accepted harms nobody.
        for _ in 0..10 {
            let gone = std::net::TcpStream::connect(address).unwrap();
            socket2::SockRef::from(&gone)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
        }
        sleep(Duration::from_millis(20)).await;
        let mut client = std::net::TcpStream::connect(address).unwrap();
        client.write_all(b"last!").unwrap();
        let mut last = false;
        while !last {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut word = [0; 5];
            last = stream.read_exact(&mut word).await.is_ok() && &word == b"last!";
        }
    })
    .unwrap();
}
