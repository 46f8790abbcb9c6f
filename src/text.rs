//! Names and values as Python prints them. Used by the `Debug` forms of tasks, promises and handles.

use std::fmt;

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

/// Cuts a long value in the middle, as `reprlib` does, so that a task fits on a line.
pub(crate) struct Short<'a, T: ?Sized>(pub(crate) &'a T);

/// As Python: so many characters, of which 13 and 14 are those of the value's two ends.
const LONGEST: usize = 30;

impl<T: fmt::Debug + ?Sized> fmt::Debug for Short<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = format!("{:?}", self.0);
        let length = whole.chars().count();
        if length <= LONGEST {
            return f.write_str(&whole);
        }
        let half = (LONGEST - 3) / 2;
        let head: String = whole.chars().take(half).collect();
        let tail: String = whole.chars().skip(length - half - 1).collect();
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
        // As `reprlib` cuts it.
        assert_eq!(short, "\"xxxxxxxxxxxx...xxxxxxxxxxxxx\"");
        assert_eq!(format!("{:?}", Short(&[1, 2])), "[1, 2]");
    }
}
