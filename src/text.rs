//! Names and values as Python prints them. Used by the `Debug` forms of tasks, promises and handles.

use std::fmt::{self, Write};

/// Has `Debug` print a name, for what has nothing else to show.
macro_rules! shown_as {
    ($($type:ident $(<$($generic:ident $(: $bound:path)?),+>)? => $name:literal),+ $(,)?) => {$(
        impl $(<$($generic $(: $bound)?),+>)? std::fmt::Debug for $type $(<$($generic),+>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($name)
            }
        }
    )+};
}
pub(crate) use shown_as;

/// `hello` from `examples::hello::{{closure}}`: the type of an async function or closure names the function it stands in.
pub(crate) fn function_name(type_name: &'static str) -> &'static str {
    let mut name = type_name;
    // The part in <...> of a generic function holds paths of its own.
    if let Some(generic) = name.find('<') {
        if !name.starts_with('<') {
            name = &name[..generic];
        }
    }
    while let Some(outer) = name.strip_suffix("::{{closure}}") {
        name = outer;
    }
    let name = name.trim_end_matches("::");
    name.rsplit("::").next().unwrap_or(name)
}

/// A name between quotes, as Python's `repr` has it: on one line, whatever is in it.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = match self.0.contains('\'') && !self.0.contains('"') {
            true => '"',
            false => '\'',
        };
        f.write_char(quote)?;
        for c in self.0.chars() {
            match c {
                '\'' | '"' if c != quote => f.write_char(c)?,
                c => write!(f, "{}", c.escape_debug())?,
            }
        }
        f.write_char(quote)
    }
}

/// A name where it stands without quotes: control characters would break the line, others turn the direction of its rest.
pub(crate) fn on_one_line(name: &str) -> String {
    let escaped = |c: char| match c.is_control() || turns_the_line(c) {
        true => c.escape_debug().to_string(),
        false => c.to_string(),
    };
    name.chars().map(escaped).collect()
}

/// Marks of direction, and the two separators that end a line.
fn turns_the_line(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Cuts a long value in the middle, and a list behind its first elements, as `reprlib` does, so that a task fits on a line.
pub(crate) struct Short<'a, T: ?Sized>(pub(crate) &'a T);

/// As Python: so many characters, of which 13 and 14 are those of the value's two ends.
const LONGEST: usize = 30;

/// So many elements of a list, as Python.
const MOST_ELEMENTS: usize = 6;

impl<T: fmt::Debug + ?Sized> fmt::Debug for Short<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shortened(&format!("{:?}", self.0)))
    }
}

/// The form of a list has its first elements, each of them shortened; all else is cut in the middle.
fn shortened(whole: &str) -> String {
    if let Some(elements) = elements(whole) {
        let kept = elements.iter().take(MOST_ELEMENTS);
        let mut kept: Vec<_> = kept.map(|element| shortened(element)).collect();
        if elements.len() > MOST_ELEMENTS {
            kept.push("...".to_owned());
        }
        return format!("[{}]", kept.join(", "));
    }
    cut_in_the_middle(whole)
}

pub(crate) fn cut_in_the_middle(whole: &str) -> String {
    let length = whole.chars().count();
    if length <= LONGEST {
        return whole.to_owned();
    }
    let half = (LONGEST - 3) / 2;
    let head: String = whole.chars().take(half).collect();
    let tail: String = whole.chars().skip(length - half - 1).collect();
    format!("{head}...{tail}")
}

/// The elements of a list of which this is the form; `None` when it is none, or has other brackets and quotes than Rust's.
fn elements(whole: &str) -> Option<Vec<&str>> {
    let inside = whole.strip_prefix('[')?.strip_suffix(']')?;
    let (mut elements, mut begin, mut depth, mut quoted) = (Vec::new(), 0, 0, false);
    let mut characters = inside.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' if quoted => drop(characters.next()),
            '"' => quoted = !quoted,
            _ if quoted => {}
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth -= 1,
            ',' if depth == 0 => {
                elements.push(inside[begin..at].trim_start());
                begin = at + 1;
            }
            _ => {}
        }
        if depth < 0 {
            return None;
        }
    }
    if !inside.is_empty() {
        elements.push(inside[begin..].trim_start());
    }
    (depth == 0 && !quoted).then_some(elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn hello() {}

    fn name_of<F>(_: F) -> &'static str {
        function_name(std::any::type_name::<F>())
    }

    #[test]
    fn coroutines_are_named_after_their_function() {
        assert_eq!(name_of(hello()), "hello");
        assert_eq!(
            name_of(async {}),
            "coroutines_are_named_after_their_function"
        );
        assert_eq!(name_of(hello), "hello");
    }

    #[test]
    fn long_values_are_cut_in_the_middle() {
        let text = "x".repeat(100);
        let short = format!("{:?}", Short(&text));
        // As `reprlib` cuts it.
        assert_eq!(short, "\"xxxxxxxxxxxx...xxxxxxxxxxxxx\"");
        assert_eq!(format!("{:?}", Short(&[1, 2])), "[1, 2]");
    }

    #[test]
    fn a_long_list_is_cut_behind_six_elements_as_reprlib_does() {
        let of = |list: &dyn fmt::Debug| format!("{:?}", Short(list));
        assert_eq!(of(&[0; 0]), "[]");
        assert_eq!(of(&(0..6).collect::<Vec<_>>()), "[0, 1, 2, 3, 4, 5]");
        assert_eq!(of(&(0..100).collect::<Vec<_>>()), "[0, 1, 2, 3, 4, 5, ...]");
        assert_eq!(of(&[vec![1; 9], vec![]]), "[[1, 1, 1, 1, 1, 1, ...], []]");
        assert_eq!(
            of(&[("a, \"]", 1); 2]),
            "[(\"a, \\\"]\", 1), (\"a, \\\"]\", 1)]"
        );
        // No list, though it looks like one at its ends.
        let list_at_its_ends = format!("[1] {}[2]", "-".repeat(40));
        assert_eq!(
            shortened(&list_at_its_ends),
            "[1] ---------...-----------[2]"
        );
    }

    #[test]
    fn a_name_is_quoted_as_python_does() {
        let quoted = |name| Quoted(name).to_string();
        assert_eq!(quoted("plain"), "'plain'");
        assert_eq!(quoted("two\nlines"), r"'two\nlines'");
        assert_eq!(quoted("it's"), "\"it's\"");
        assert_eq!(quoted("\"it's\""), r#"'"it\'s"'"#);
        assert_eq!(on_one_line("it's\ttwo\nlines"), r"it's\ttwo\nlines");
        assert_eq!(on_one_line("\u{202e}rtl"), r"\u{202e}rtl");
    }
}
