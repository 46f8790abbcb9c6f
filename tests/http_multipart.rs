//! Forms with files: the bytes on the wire, and what is refused before there are any.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use glassloop::http::{Body, ClientSession, ErrorKind, Form, Part};
use glassloop::run;

/// The head and the body that a server gets for a form, with the boundary replaced by BOUNDARY.
fn sent(form: Form) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut all, mut piece) = (Vec::new(), [0; 4096]);
        // The last boundary ends a body of known length, the last chunk another.
        while !all.ends_with(b"--\r\n") && !all.ends_with(b"0\r\n\r\n") {
            let n = stream.read(&mut piece).unwrap();
            assert!(n > 0, "{}", all.escape_ascii());
            all.extend_from_slice(&piece[..n]);
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        String::from_utf8(all).unwrap()
    });
    let status = run(async move {
        let response = ClientSession::new().post(url).multipart(form).await;
        response.unwrap().status()
    });
    assert_eq!(status.unwrap(), 200);
    let all = server.join().unwrap();
    let (_, after) = all.split_once("multipart/form-data; boundary=").unwrap();
    let boundary = after.split("\r\n").next().unwrap().to_owned();
    let all = all.replace(&boundary, "BOUNDARY");
    let (head, body) = all.split_once("\r\n\r\n").unwrap();
    let length = head
        .lines()
        .find_map(|l| l.strip_prefix("content-length: "));
    if let Some(length) = length {
        let boundaries = body.matches("BOUNDARY").count();
        let real = body.len() + boundaries * (boundary.len() - "BOUNDARY".len());
        assert_eq!(length.parse(), Ok(real));
    }
    (head.to_owned(), body.to_owned())
}

#[test]
fn fields_and_files_are_sent_with_their_length() {
    let folder = std::env::temp_dir().join(format!("glassloop-form-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("some \"notes\".txt");
    std::fs::write(&path, "from a file").unwrap();
    let form = Form::new()
        .text("title", "Grüße\r\n")
        .file("notes", &path)
        .unwrap()
        .part(
            "data",
            Part::new(vec![b'{', b'}'])
                .content_type("application/json")
                .header("X-One", "1"),
        );
    let (head, body) = sent(form);
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(head.contains("content-length: "), "{head}");
    let expected = "--BOUNDARY\r\n\
        Content-Disposition: form-data; name=\"title\"\r\n\r\n\
        Grüße\r\n\r\n\
        --BOUNDARY\r\n\
        Content-Disposition: form-data; name=\"notes\"; filename=\"some %22notes%22.txt\"\r\n\
        content-type: application/octet-stream\r\n\r\n\
        from a file\r\n\
        --BOUNDARY\r\n\
        Content-Disposition: form-data; name=\"data\"\r\n\
        content-type: application/json\r\n\
        x-one: 1\r\n\r\n\
        {}\r\n\
        --BOUNDARY--\r\n";
    assert_eq!(body, expected);
}

#[test]
fn a_part_of_unknown_length_makes_it_chunked() {
    let mut pieces = ["ab", "", "c"].into_iter();
    let body = Body::stream(
        move || {
            let piece = pieces.next();
            async move { piece.map(Ok::<_, std::io::Error>) }
        },
        None,
    );
    let form = Form::new().part("stream", Part::new(body).file_name("s"));
    let (head, body) = sent(form);
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    assert!(!head.contains("content-length"), "{head}");
    for piece in [
        "\r\n2\r\nab\r\n",
        "\r\n1\r\nc\r\n",
        "filename=\"s\"",
        "--BOUNDARY--\r\n\r\n0\r\n\r\n",
    ] {
        assert!(body.contains(piece), "{piece:?} in {body:?}");
    }
}

#[test]
fn a_form_without_parts_is_one_too() {
    assert_eq!(sent(Form::new()).1, "--BOUNDARY--\r\n");
}

#[test]
fn r66_nothing_can_be_smuggled_into_the_head_of_a_part() {
    let form = Form::new().part(
        "a\"; x=\"\r\nEvil: 1",
        Part::new("").file_name("\"\r\n\r\nevil"),
    );
    let (_, body) = sent(form);
    let expected = "--BOUNDARY\r\nContent-Disposition: form-data; name=\"a%22; x=%22%0D%0AEvil: 1\"; \
        filename=\"%22%0D%0A%0D%0Aevil\"\r\n\r\n\r\n--BOUNDARY--\r\n";
    assert_eq!(body, expected);

    for form in [
        Form::new().text("a\0", "b"),
        Form::new().part("a", Part::new("b").file_name("\x7f")),
        Form::new().part("a", Part::new("b").content_type("text/plain\r\nEvil: 1")),
        Form::new().part("a", Part::new("b").header("X\r\nEvil", "1")),
        Form::new().part("a", Part::new("b").header("Content-Disposition", "x")),
    ] {
        let error = run(async move {
            let post = ClientSession::new().post("http://127.0.0.1:1/");
            post.multipart(form).await.unwrap_err()
        });
        let error = error.unwrap();
        assert!(
            matches!(error.kind(), ErrorKind::InvalidRequest(_)),
            "{error}"
        );
    }
}

#[test]
fn r66_boundaries_are_long_and_never_the_same() {
    let boundary = || {
        let body = format!("{:?}", Form::new());
        let hex = body.split("glassloop-").nth(1).unwrap();
        hex.split('"').next().unwrap().to_owned()
    };
    let seen: std::collections::HashSet<String> = (0..1000).map(|_| boundary()).collect();
    assert_eq!(seen.len(), 1000);
    assert!(
        seen.iter()
            .all(|hex| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    );
}
