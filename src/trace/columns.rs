//! Lists in the columns of a table: what does not fit goes on in the next line, so that no column is shifted.

/// As many entries of a list are printed.
pub(crate) const MOST: usize = 8;

/// So many of a list, and how many more; or that there are none.
pub(crate) fn list(mut items: Vec<String>) -> Vec<String> {
    if items.len() > MOST {
        let more = items.len() - MOST + 1;
        items.truncate(MOST - 1);
        items.push(format!("and {more} more"));
    }
    if items.is_empty() {
        items.push("-".to_owned());
    }
    items
}

/// The lines of a list in a column of this width: as many items in each as fit. One that is wider is broken.
pub(crate) fn wrapped(items: &[String], width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for item in items {
        let characters: Vec<char> = item.chars().collect();
        for piece in characters.chunks(width) {
            if used > 0 && used + 1 + piece.len() > width {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                if used > 0 {
                    line.push(' ');
                    used += 1;
                }
                line.extend(piece);
                used += piece.len();
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn what_does_not_fit_goes_on_in_the_next_line() {
        let of = |items: &[&str]| {
            let items: Vec<String> = items.iter().map(|item| (*item).to_owned()).collect();
            wrapped(&items, 5)
        };
        assert_eq!(of(&["-"]), ["-"]);
        assert_eq!(of(&["T1", "T2"]), ["T1 T2"]);
        assert_eq!(of(&["T1", "T2", "T3"]), ["T1 T2", "T3"]);
        assert_eq!(of(&["T1", "worker", "T2"]), ["T1", "worke", "r T2"]);
        assert_eq!(of(&["日本語", "🎉"]), ["日本語 🎉"]);
    }
}
