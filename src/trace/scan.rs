//! Reads a JSON document from the left to the right. It makes no tree of it: a trace has millions of numbers, and a tree would keep
//! each as a value of its own.

/// So deep may arrays and objects be nested in what is skipped.
const DEEPEST: usize = 100;

/// A document, and how far it was read. Errors say at which byte what was expected.
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

type Result<T> = std::result::Result<T, String>;

impl<'a> Scan<'a> {
    pub(crate) fn of(text: &'a str) -> Scan<'a> {
        Scan { text, at: 0 }
    }

    /// An object: `member` reads the value of each key.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Result<()>,
    ) -> Result<()> {
        self.list('{', '}', "an object", |scan| {
            let key = scan.string()?;
            if !scan.takes(':') {
                return Err(scan.expected("a colon"));
            }
            member(scan, &key)
        })
    }

    /// An array: `item` reads each of its values.
    pub(crate) fn array(&mut self, item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.list('[', ']', "a list", item)
    }

    fn list(
        &mut self,
        open: char,
        close: char,
        what: &str,
        mut item: impl FnMut(&mut Self) -> Result<()>,
    ) -> Result<()> {
        if !self.takes(open) {
            return Err(self.expected(what));
        }
        if self.takes(close) {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.takes(close) {
                return Ok(());
            }
            if !self.takes(',') {
                return Err(self.expected("a comma"));
            }
        }
    }

    pub(crate) fn string(&mut self) -> Result<String> {
        if !self.takes('"') {
            return Err(self.expected("a text"));
        }
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let special = |c: char| matches!(c, '"' | '\\' | '\0'..='\u{1f}');
            let plain = rest.find(special).unwrap_or(rest.len());
            out.push_str(&rest[..plain]);
            self.at += plain;
            match rest[plain..].chars().next() {
                Some('"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some('\\') => {
                    self.at += 1;
                    out.push(self.escaped()?);
                }
                _ => return Err(self.expected("the end of a text")),
            }
        }
    }

    /// What stands after a backslash.
    fn escaped(&mut self) -> Result<char> {
        let Some(letter) = self.text[self.at..].chars().next() else {
            return Err(self.expected("the end of a text"));
        };
        let plain = match letter {
            '"' | '\\' | '/' => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.by_number(),
            _ => return Err(self.expected("an escape")),
        };
        self.at += 1;
        Ok(plain)
    }

    /// `u003c`, or the two halves of what has a higher number.
    fn by_number(&mut self) -> Result<char> {
        let half = |scan: &mut Self| {
            if scan.text.len() < scan.at + 5 {
                return Err(scan.breaks_off());
            }
            let digits = scan.text.get(scan.at + 1..scan.at + 5);
            let digits = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
            let half = digits.and_then(|digits| u16::from_str_radix(digits, 16).ok());
            let half = half.ok_or_else(|| scan.expected("four digits"))?;
            scan.at += 5;
            Ok::<u16, String>(half)
        };
        let mut halves = vec![half(self)?];
        if (0xd800..0xdc00).contains(&halves[0]) && self.text[self.at..].starts_with("\\u") {
            self.at += 1;
            halves.push(half(self)?);
        }
        match &char::decode_utf16(halves).collect::<Vec<_>>()[..] {
            [Ok(character)] => Ok(*character),
            _ => Err(self.expected("the other half of a character")),
        }
    }

    /// A whole number, not less than 0.
    pub(crate) fn number(&mut self) -> Result<u64> {
        self.blanks();
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_ascii_digit());
        let (digits, after) = rest.split_at(end.unwrap_or(rest.len()));
        let padded = digits.len() > 1 && digits.starts_with('0');
        let whole = !padded && !after.starts_with(['.', 'e', 'E']);
        let number = digits.parse().ok().filter(|_| whole);
        let number = number.ok_or_else(|| self.expected("a whole number"))?;
        self.at += digits.len();
        Ok(number)
    }

    /// A value of any kind.
    pub(crate) fn skip(&mut self) -> Result<()> {
        self.skip_at(0)
    }

    fn skip_at(&mut self, depth: usize) -> Result<()> {
        self.blanks();
        let rest = &self.text[self.at..];
        match rest.bytes().next() {
            _ if depth > DEEPEST => Err(self.expected("nothing nested so deep")),
            Some(b'{') => self.object(|scan, _| scan.skip_at(depth + 1)),
            Some(b'[') => self.array(|scan| scan.skip_at(depth + 1)),
            Some(b'"') => self.string().map(drop),
            _ => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c));
                let word = &rest[..end.unwrap_or(rest.len())];
                if !matches!(word, "true" | "false" | "null") && !is_number(word) {
                    return Err(match end {
                        Some(_) => self.expected("a value"),
                        None => self.breaks_off(),
                    });
                }
                self.at += word.len();
                Ok(())
            }
        }
    }

    /// Nothing but blanks follows.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.blanks();
        match self.at == self.text.len() {
            true => Ok(()),
            false => Err(self.expected("the end")),
        }
    }

    fn takes(&mut self, mark: char) -> bool {
        self.blanks();
        let takes = self.text[self.at..].starts_with(mark);
        self.at += usize::from(takes);
        takes
    }

    fn blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    pub(crate) fn expected(&self, what: &str) -> String {
        match self.at >= self.text.len() {
            true => self.breaks_off(),
            false => format!("at byte {} {what} is expected", self.at),
        }
    }

    fn breaks_off(&self) -> String {
        format!("it breaks off after {} bytes", self.text.len())
    }
}

/// As JSON has them: Rust's own parser takes more.
fn is_number(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let word = word.strip_prefix('-').unwrap_or(word);
    let (number, power) = word.split_once(['e', 'E']).unwrap_or((word, "0"));
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let power = power.strip_prefix(['+', '-']).unwrap_or(power);
    digits(whole) && (whole == "0" || !whole.starts_with('0')) && digits(part) && digits(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether it is JSON, as an own document.
    fn skips(text: &str) -> Result<()> {
        let mut scan = Scan::of(text);
        scan.skip()?;
        scan.end()
    }

    /// Pieces of JSON, put together at random: what is JSON to `serde_json` is so here, and nothing else.
    #[test]
    fn what_is_json_is_what_serde_json_takes_for_it() {
        let pieces = [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"",
            "\\",
            "\\u00e9",
            "\\ud83d\\ude00",
            "\\ud83d",
            "u",
            "0",
            "1",
            "-",
            ".",
            "e",
            "E",
            "+",
            "true",
            "null",
            "fals",
            " ",
            "\n",
            "é",
            "{\"k\":",
            "[1,",
            "\"\\n\"",
        ];
        let mut seed = 7_u64;
        let mut next = |n: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % n
        };
        let mut good = 0;
        for _ in 0..200_000 {
            let text: String = (0..1 + next(6))
                .map(|_| pieces[next(pieces.len())])
                .collect();
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            // A number that no float holds is JSON all the same.
            let out_of_range = theirs
                .as_ref()
                .is_err_and(|error| error.to_string().contains("out of range"));
            assert_eq!(
                skips(&text).is_ok(),
                theirs.is_ok() || out_of_range,
                "{text:?}: {theirs:?}"
            );
            if let Ok(serde_json::Value::String(string)) = &theirs {
                assert_eq!(Scan::of(&text).string().as_ref(), Ok(string), "{text:?}");
            }
            let whole = theirs.as_ref().ok().and_then(serde_json::Value::as_u64);
            assert_eq!(
                Scan::of(&text).number().ok().filter(|_| theirs.is_ok()),
                whole,
                "{text:?}"
            );
            good += usize::from(theirs.is_ok());
        }
        assert!(good > 5_000, "{good}");
    }

    #[test]
    fn what_is_nested_too_deep_is_an_error() {
        let deep = "[".repeat(1_000_000);
        assert_eq!(
            skips(&deep),
            Err("at byte 101 nothing nested so deep is expected".to_owned())
        );
        let just = "[".repeat(100) + &"]".repeat(100);
        assert_eq!(skips(&just), Ok(()));
    }
}
