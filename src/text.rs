//! Names and values as Python prints them. Used by the `Debug` forms of tasks, promises and handles.

use std::fmt;

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

/// Cuts a long value in the middle, as `reprlib` does, so that a task fits on a line.
pub(crate) struct Short<'a, T: ?Sized>(pub(crate) &'a T);

const LONGEST: usize = 60;

impl<T: fmt::Debug + ?Sized> fmt::Debug for Short<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = format!("{:?}", self.0);
        let length = whole.chars().count();
        if length <= LONGEST {
            return f.write_str(&whole);
        }
        let half = (LONGEST - 3) / 2;
        let head: String = whole.chars().take(half).collect();
        let tail: String = whole.chars().skip(length - half).collect();
        write!(f, "{head}...{tail}")
    }
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
        assert_eq!(short, format!("\"{0}...{0}\"", "x".repeat(27)));
        assert_eq!(format!("{:?}", Short(&[1, 2])), "[1, 2]");
    }
}
