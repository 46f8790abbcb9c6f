//! Strings of JSON, which is all of it that the writers here do not write as it comes.

use std::fmt::{self, Write};

/// A string as JSON, with `<` escaped as well, so that it may stand inside of HTML.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '<' | '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                    write!(f, "\\u{:04x}", u32::from(character))?;
                }
                other => f.write_char(other)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_and_html_would_take_for_something_else_is_escaped() {
        let text = "a\"b\\c\n\t\u{2028}</script>é";
        let quoted = Quoted(text).to_string();
        assert_eq!(quoted, "\"a\\\"b\\\\c\\n\\u0009\\u2028\\u003c/script>é\"");
        assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
    }
}
