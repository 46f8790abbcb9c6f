//! The table of response streams that other projects wrote: a case a line, and the verdict that the client must come to.

use glassloop::http::parser::ParseError;

/// Where the table names another kind of error than the rule that forbids the bytes, the rule holds.
const RULE_OVER_TABLE: [(&str, &str); 3] = [
    // The stream ends inside the head. R13 names this very case.
    ("5f3c3735b013", "incomplete-head"),
    // After the chunk size a CR without its LF: wrong whatever else may come (R32, R33).
    ("f04856f44ad4", "bad-chunk"),
    // White space before the first header. R8 names this very case.
    ("25585d53d1cd", "bad-header"),
];

/// One response stream.
#[derive(Clone)]
pub struct Case {
    pub id: String,
    pub method: String,
    /// Whether it is a response at all.
    pub ok: bool,
    /// The status, or the kind of error.
    pub verdict: String,
    pub length: usize,
    /// FNV-1a of the body.
    pub hash: String,
    /// The connection may carry another request.
    pub reuse: bool,
    pub name: String,
    pub input: Vec<u8>,
}

/// The cases of a table. Lines that begin with `#` are none.
pub fn read(table: &str) -> Result<Vec<Case>, String> {
    let lines = table.lines().enumerate();
    let cases = lines.filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    cases
        .map(|(i, line)| {
            case(line).ok_or_else(|| format!("line {}: not a case: {line:.60?}", i + 1))
        })
        .collect()
}

fn case(line: &str) -> Option<Case> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [
        id,
        _,
        method,
        outcome,
        verdict,
        length,
        hash,
        reuse,
        _,
        name,
        input,
    ] = columns[..]
    else {
        return None;
    };
    let by_rule = RULE_OVER_TABLE.iter().find(|(of, _)| *of == id);
    Some(Case {
        id: id.to_owned(),
        method: method.to_owned(),
        ok: match outcome {
            "ok" => true,
            "err" => false,
            _ => return None,
        },
        verdict: by_rule.map_or(verdict, |(_, verdict)| verdict).to_owned(),
        length: length.parse().ok()?,
        hash: hash.trim_start_matches("0x").to_owned(),
        reuse: reuse == "1",
        name: name.to_owned(),
        input: base64(input)?,
    })
}

/// The ways in which a stream arrives.
pub const DELIVERIES: [&str; 4] = ["whole", "bytes", "sevens", "head and body"];

impl Case {
    /// The pieces in which it arrives.
    pub fn pieces(&self, delivery: &str) -> Vec<&[u8]> {
        let input = &self.input[..];
        let head = input.windows(4).position(|w| w == b"\r\n\r\n");
        let (head, body) = input.split_at(head.map_or(0, |i| i + 4));
        match delivery {
            "whole" => vec![input],
            "bytes" => input.chunks(1).collect(),
            "sevens" => input.chunks(7).collect(),
            _ => vec![head, body],
        }
    }

    /// What is wrong with a verdict and a body; `None` if they are as they must be.
    pub fn complaint(&self, verdict: &str, body: &[u8]) -> Option<String> {
        let hash = fnv1a64(body);
        let same_body = !self.ok || (body.len() == self.length && hash == self.hash);
        (verdict != self.verdict || !same_body).then(|| {
            let (length, wanted, wanted_length) = (body.len(), &self.verdict, self.length);
            format!("{verdict} with {length} bytes of body, wanted {wanted} with {wanted_length}")
        })
    }
}

/// The table's word for an error of the parser.
pub fn kind(error: &ParseError) -> &'static str {
    match error {
        ParseError::BadStatusLine(_) => "bad-status-line",
        ParseError::BadHeader(_) => "bad-header",
        ParseError::HeadTooLarge(_) => "too-large",
        ParseError::IncompleteHead(_) => "incomplete-head",
        ParseError::BadFraming(_) => "bad-framing",
        ParseError::BadChunk(_) => "bad-chunk",
        ParseError::UnsupportedTransferEncoding(_) => "unsupported-te",
        ParseError::IncompleteBody { .. } => "incomplete-body",
        ParseError::UnexpectedUpgrade(_) => "unexpected-upgrade",
    }
}

fn fnv1a64(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    format!("{hash:016x}")
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut out) = (0u32, 0, Vec::new());
    for c in text.trim_end_matches('=').bytes() {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}
