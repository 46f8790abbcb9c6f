//! What becomes of a kept connection over TLS: what lies in the kernel, in `rustls` and in our own buffer counts alike (R38-R44).

mod tls_peer;

use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use glassloop::{run, sleep};
use tls_peer::{OK, Tls, authority, builder, fetch, request, serve_each, serve_tls};

#[test]
fn r41_an_idle_connection_is_closed_with_the_servers_goodbye() {
    let authority = authority(&["name.example"]);
    let (go, wait) = mpsc::channel::<()>();
    let (port, server) = serve_tls(authority.config.clone(), move |tls| {
        request(tls)?;
        tls.write_all(OK)?;
        wait.recv().unwrap();
        tls.conn.send_close_notify();
        tls.conn.complete_io(&mut tls.sock)?;
        Ok(())
    });
    run(async move {
        let session = builder(&authority).build().unwrap();
        fetch(&session, &format!("https://name.example:{port}/"))
            .await
            .unwrap();
        go.send(()).unwrap();
        for _ in 0..5000 {
            if session.stats().idle == 0 {
                return;
            }
            sleep(Duration::from_millis(1)).await;
        }
        panic!("it is still kept");
    })
    .unwrap();
    server.join().unwrap().unwrap();
}

#[test]
fn r39_an_unread_body_that_is_here_is_read_with_tls_too() {
    for (length, connected) in [(40_000, 1), (70_000, 2)] {
        let authority = authority(&["127.0.0.1"]);
        let port = serve_each(authority.config.clone(), move |_, tls| {
            loop {
                request(tls)?;
                write!(tls, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
                tls.write_all(&vec![b'x'; length])?;
            }
        });
        run(async move {
            let session = builder(&authority).build().unwrap();
            let url = format!("https://127.0.0.1:{port}/");
            for _ in 0..2 {
                let response = session.get(&url).await.unwrap();
                // The loop stands still, and sees nothing of what comes.
                thread::sleep(Duration::from_millis(300));
                drop(response);
                assert_eq!(session.stats().in_use, 0);
            }
            assert_eq!(session.stats().connected, connected, "{length}");
        })
        .unwrap();
    }
}

/// These records in one segment, of which the last one is cut when it comes in two.
fn send_records(tls: &mut Tls, records: &[&[u8]], is_cut: bool) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for record in records {
        tls.conn.writer().write_all(record)?;
        while tls.conn.wants_write() {
            tls.conn.write_tls(&mut bytes)?;
        }
    }
    let rest = if is_cut {
        bytes.split_off(bytes.len() - 10)
    } else {
        Vec::new()
    };
    tls.sock.write_all(&bytes)?;
    Ok(rest)
}

const EVIL: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";

#[test]
fn r40_what_comes_behind_a_response_is_seen_through_tls() {
    let together = [OK, EVIL].concat();
    let cases: [(Vec<Vec<u8>>, bool); 3] = [
        (vec![together], false),
        (vec![OK.to_vec(), EVIL.to_vec()], false),
        (vec![OK.to_vec(), EVIL.to_vec()], true),
    ];
    for (records, is_cut) in cases {
        let authority = authority(&["127.0.0.1"]);
        let what = format!("{} records, cut: {is_cut}", records.len());
        let port = serve_each(authority.config.clone(), move |number, tls| {
            request(tls)?;
            if number == 0 {
                let records: Vec<&[u8]> = records.iter().map(|record| &record[..]).collect();
                let rest = send_records(tls, &records, is_cut)?;
                // The rest comes when it would be the answer to something.
                request(tls)?;
                tls.sock.write_all(&rest)
            } else {
                tls.write_all(OK)
            }
        });
        run(async move {
            let session = builder(&authority).build().unwrap();
            let url = format!("https://127.0.0.1:{port}/");
            for _ in 0..2 {
                assert_eq!(fetch(&session, &url).await.unwrap(), "ok", "{what}");
            }
            assert_eq!(session.stats().connected, 2, "{what}");
        })
        .unwrap();
    }
}
