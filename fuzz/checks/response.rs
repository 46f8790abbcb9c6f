//! A whole response. The input: a byte of flags (method, upgrade, small limits), a byte that says where to cut, the stream.
//!
//! - The same verdict, body and rest whole, byte by byte, and in other pieces.
//! - What was understood, written out anew in plain form, is understood as the same.

use glassloop::http::parser::{Framing, Limits, ResponseParser};
use http::{HeaderMap, Method};

use super::drive::{Response, cuts, run};

pub fn check(data: &[u8]) {
    let &[flags, seed, ref stream @ ..] = data else {
        return;
    };
    let method = match flags & 3 {
        0 | 1 => Method::GET,
        2 => Method::HEAD,
        _ => Method::CONNECT,
    };
    let small = Limits {
        max_head: 64,
        max_headers: 3,
        max_interim: 2,
    };
    let limits = if flags & 8 != 0 {
        small
    } else {
        Limits::default()
    };
    let parser = || {
        let parser = ResponseParser::new(&method, limits);
        if flags & 4 != 0 {
            parser.allow_upgrade()
        } else {
            parser
        }
    };
    let whole = run(parser(), stream, &[]);
    for seed in [1, seed.max(2)] {
        let cut = run(parser(), stream, &cuts(seed, stream.len()));
        assert_eq!(cut, whole, "cut by {seed}");
    }
    if let Some(plain) = written_out(&whole) {
        let again = run(
            ResponseParser::new(&method, Limits::default()).allow_upgrade(),
            &plain,
            &[],
        );
        let length = plain.len();
        let reusable = whole.end.as_ref().is_ok_and(|end| end.1);
        assert_eq!(again.head, whole.head);
        assert_eq!(again.body, whole.body);
        let tunnel = matches!(whole.head, Some((_, _, _, Framing::Tunnel)));
        let used = if tunnel {
            again.end.as_ref().unwrap().2
        } else {
            length
        };
        let trailers = whole.end.unwrap().0;
        assert_eq!(again.end, Ok((trailers, reusable, used)));
    }
}

/// A complete response in its plain form.
fn written_out(response: &Response) -> Option<Vec<u8>> {
    let (status, version, headers, framing) = response.head.as_ref()?;
    let (trailers, ..) = response.end.as_ref().ok()?;
    let mut out = format!("{version:?} {}\r\n", status.as_u16()).into_bytes();
    let fields = |out: &mut Vec<u8>, map: &HeaderMap| {
        for (name, value) in map {
            out.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        out.extend(b"\r\n");
    };
    fields(&mut out, headers);
    // A head that was folded or had limits of its own can be longer than any.
    if out.len() > Limits::default().max_head {
        return None;
    }
    if *framing != Framing::Chunked {
        out.extend(&response.body);
        return Some(out);
    }
    for chunk in response.body.chunks(7) {
        out.extend(format!("{:X}\r\n", chunk.len()).bytes());
        out.extend([chunk, b"\r\n"].concat());
    }
    out.extend(b"0\r\n");
    fields(&mut out, trailers.as_ref().unwrap_or(&HeaderMap::new()));
    Some(out)
}
