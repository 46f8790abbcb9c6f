//! UDP: messages stay whole, and a receive that is dropped loses none.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use glassloop::net::UdpSocket;
use glassloop::run;

#[test]
fn messages_go_both_ways_whole() {
    run(async {
        let one = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let other = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut buffer = [0; 16];
        let mut context = Context::from_waker(Waker::noop());
        assert!(
            pin!(other.recv_from(&mut buffer))
                .poll(&mut context)
                .is_pending()
        );
        assert_eq!(
            one.send_to(b"first", other.local_addr().unwrap())
                .await
                .unwrap(),
            5
        );
        assert_eq!(
            one.send_to(b"2nd", other.local_addr().unwrap())
                .await
                .unwrap(),
            3
        );
        let (n, from) = other.recv_from(&mut buffer).await.unwrap();
        assert_eq!(
            (&buffer[..n], from),
            (&b"first"[..], one.local_addr().unwrap())
        );
        assert_eq!(other.recv(&mut buffer).await.unwrap(), 3);
        other.connect(from).unwrap();
        other.send(b"back").await.unwrap();
        let n = one.recv(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..n], b"back");
    })
    .unwrap();
}
