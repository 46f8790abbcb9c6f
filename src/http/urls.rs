//! The URLs that a session was given last, parsed: a program asks for the same few again and again, and to parse one takes
//! as many instructions as half of the rest of a request.

use std::cell::RefCell;
use std::rc::Rc;

use url::Url;

/// So many are remembered; a URL has one place where it can be.
const PLACES: usize = 32;

/// Longer ones are not worth the memory.
const LONGEST: usize = 1024;

/// The text as it was given, and what it means.
type Known = (Box<str>, Rc<Url>);

#[derive(Default)]
pub(crate) struct Urls {
    places: RefCell<[Option<Known>; PLACES]>,
}

impl Urls {
    /// What `text` means, as `parse` says.
    pub(crate) fn parse<E>(
        &self,
        text: &str,
        parse: impl FnOnce() -> Result<Url, E>,
    ) -> Result<Rc<Url>, E> {
        let place = place(text);
        if let Some((known, url)) = &self.places.borrow()[place] {
            if **known == *text {
                return Ok(url.clone());
            }
        }
        let url = Rc::new(parse()?);
        if text.len() <= LONGEST {
            self.places.borrow_mut()[place] = Some((text.into(), url.clone()));
        }
        Ok(url)
    }
}

/// URLs that are asked in turn mostly differ at their end.
fn place(text: &str) -> usize {
    let end = text.bytes().rev().take(16);
    let mix = |sum: usize, byte| (sum ^ usize::from(byte)).wrapping_mul(0x9E37_79B1);
    let mixed = end.fold(text.len(), mix);
    (mixed >> 16) % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_parsed_once_and_forgotten_for_another_in_its_place() {
        let urls = Urls::default();
        let mut parsed = Vec::new();
        let mut ask = |text: &str| {
            let parse = || {
                parsed.push(text.to_owned());
                Url::parse(text)
            };
            urls.parse(text, parse).map(|url| url.to_string())
        };
        let first = "http://127.0.0.1:1/1";
        let in_its_place = (2..1000).map(|n| format!("http://127.0.0.1:1/{n}"));
        let other = in_its_place
            .into_iter()
            .find(|other| place(other) == place(first));
        let other = other.unwrap();
        for text in [first, first, &other, first, "HTTP://a/%7e", "HTTP://a/%7e"] {
            let expected = Url::parse(text).unwrap().to_string();
            assert_eq!(ask(text), Ok(expected));
        }
        assert!(ask("no URL").is_err() && ask("no URL").is_err());
        let long = format!("http://a/{}", "x".repeat(LONGEST));
        assert!(ask(&long).is_ok() && ask(&long).is_ok());
        let once = [first, &other, first, "HTTP://a/%7e"];
        let always = ["no URL", "no URL", &long, &long];
        assert_eq!(parsed, [&once[..], &always[..]].concat());
    }

    #[test]
    fn urls_of_one_server_are_spread() {
        let taken: std::collections::HashSet<usize> = (0..PLACES)
            .map(|n| place(&format!("http://127.0.0.1:8080/item/{n}")))
            .collect();
        assert!(taken.len() > PLACES / 2, "{} places", taken.len());
    }
}
