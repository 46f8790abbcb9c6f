//! How much memory a hostile body can make the client use (R81). One test in a process of its own, because it looks at the
//! whole process.
#![cfg(target_os = "linux")]

mod http_peer;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use glassloop::http::{ClientSession, ErrorKind};
use glassloop::run;
use http_peer::serve_all;

/// A line of `/proc/self/status`, in bytes.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mut lines = status.lines().filter_map(|line| line.strip_prefix(name));
    let kilobytes = lines.next().unwrap().trim_start_matches(':').trim();
    let kilobytes: u64 = kilobytes.trim_end_matches(" kB").parse().unwrap();
    kilobytes * 1024
}

#[test]
fn r81_a_bomb_is_refused_within_four_mebibytes() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..10 {
        encoder.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 12_000);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        bomb.len()
    );
    let (url, _) = serve_all(move |_, peer| {
        while let Some(request) = peer.request() {
            let small = request.starts_with("GET /small ");
            match small {
                true => peer.answer("small"),
                false => peer.send([head.as_bytes(), &bomb].concat()),
            }
        }
    });
    run(async move {
        let session = ClientSession::builder();
        let session = session.max_body(1 << 20).build().unwrap();
        // What is made once is there before it is counted.
        let small = session.get(format!("{url}small")).await.unwrap();
        assert_eq!(small.bytes().await.unwrap(), "small");
        // From here on the highest mark counts anew.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = memory("VmRSS");
        let response = session.get(&url).await.unwrap();
        let error = response.bytes().await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::BodyTooLarge(1_048_576)),
            "{error}"
        );
        let more = memory("VmHWM").saturating_sub(before);
        assert!(more < 4 << 20, "{more} bytes more at the peak");
    })
    .unwrap();
}
