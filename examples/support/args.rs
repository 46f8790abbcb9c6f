//! Command lines of the examples, on top of `lexopt`: an example lists its options, and gets them checked.
//!
//! ```ignore
//! let args = Args::read("Asks again and again.", &[requests("100"), delay("3"), url()]);
//! let (requests, delay) = (args.number("requests"), args.seconds("delay"));
//! ```
//! `--help` comes free; a bad argument is one line on stderr and exit code 2.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::process::exit;
use std::time::Duration;

use lexopt::{Arg, ValueExt};

use super::output;
pub use super::output::fail;

/// One option of an example.
pub struct Opt {
    name: &'static str,
    /// What the help shows for its value; empty for a flag.
    value: &'static str,
    /// Empty: absent unless given.
    default: String,
    help: &'static str,
    fits: Box<dyn Fn(&str) -> bool>,
    /// Says which values fit.
    wanted: String,
}

/// `--name`, without a value.
pub fn flag(name: &'static str, help: &'static str) -> Opt {
    text(name, "", "", help)
}

/// `--name VALUE`, any text: what it may say is the example's to check (see [`usage_error`]).
pub fn text(name: &'static str, value: &'static str, default: &str, help: &'static str) -> Opt {
    let (default, wanted) = (default.into(), String::new());
    let fits = Box::new(|_: &str| true);
    Opt {
        name,
        value,
        default,
        help,
        fits,
        wanted,
    }
}

/// `--name SECONDS`: 0 to 86400, fractions allowed.
pub fn seconds(name: &'static str, default: &str, help: &'static str) -> Opt {
    let fits = |value: &str| parse_seconds(value).is_some();
    text(name, "SECONDS", default, help).only("seconds from 0 to 86400", fits)
}

/// `--name N`, a whole number within `range`; an empty default makes it optional.
pub fn number(
    name: &'static str,
    range: RangeInclusive<usize>,
    default: &str,
    help: &'static str,
) -> Opt {
    let wanted = format!("a number from {} to {}", range.start(), range.end());
    let fits = move |value: &str| value.parse().is_ok_and(|number| range.contains(&number));
    text(name, "N", default, help).only(&wanted, fits)
}

/// `--name A,B`: names, at least one; without it, none.
pub fn names(name: &'static str, help: &'static str) -> Opt {
    let fits = |value: &str| value.split(',').all(|name| !name.is_empty());
    text(name, "A,B", "", help).only("names with commas between them", fits)
}

/// `--delay SECONDS`
pub fn delay(default: &str) -> Opt {
    seconds(
        "delay",
        default,
        "how long a request (or a thread's sleep) takes",
    )
}

/// `--requests N`
pub fn requests(default: &str) -> Opt {
    number("requests", 1..=1_000_000, default, "how many requests")
}

/// `--url URL`, or just `URL`
pub fn url() -> Opt {
    let help = "ask this server instead of starting one here";
    text("url", "URL", "", help).only("http://HOST:PORT or https://HOST", |value| {
        // The parser alone would also take `http:HOST`.
        let written_out = value.starts_with("http://") || value.starts_with("https://");
        written_out && url::Url::parse(value).is_ok_and(|url| url.has_host())
    })
}

impl Opt {
    fn only(mut self, wanted: &str, fits: impl Fn(&str) -> bool + 'static) -> Opt {
        (self.wanted, self.fits) = (wanted.into(), Box::new(fits));
        self
    }

    fn help(&self) -> String {
        let usage = format!("--{} {}", self.name, self.value);
        let default = match self.default.as_str() {
            "" => String::new(),
            default => format!(" [{default}]"),
        };
        format!("  {usage:<22} {}{default}", self.help)
    }
}

/// The arguments of this run, checked.
pub struct Args {
    values: HashMap<&'static str, String>,
    given: HashSet<&'static str>,
}

impl Args {
    /// Reads the command line; ends the process after `--help` (exit code 0) and on a bad argument (2).
    pub fn read(about: &str, options: &[Opt]) -> Args {
        output::exit_when_it_fails();
        Args::parse(about, options, None).unwrap_or_else(|error| usage_error(error))
    }

    /// The same, of an example that takes files besides.
    pub fn read_with_files(about: &str, options: &[Opt]) -> (Args, Vec<String>) {
        output::exit_when_it_fails();
        let mut files = Vec::new();
        let args = Args::parse(about, options, Some(&mut files));
        (args.unwrap_or_else(|error| usage_error(error)), files)
    }

    fn parse(
        about: &str,
        options: &[Opt],
        mut files: Option<&mut Vec<String>>,
    ) -> Result<Args, lexopt::Error> {
        let defaults = options
            .iter()
            .map(|option| (option.name, option.default.clone()));
        let mut values: HashMap<_, _> = defaults.collect();
        let mut given_names = HashSet::new();
        let mut parser = lexopt::Parser::from_env();
        while let Some(arg) = parser.next()? {
            if let (Arg::Value(file), Some(files)) = (&arg, &mut files) {
                files.push(file.clone().string()?);
                continue;
            }
            let option = match &arg {
                Arg::Long("help") | Arg::Short('h') => print_help(about, options),
                Arg::Long(name) => options.iter().find(|option| option.name == *name),
                // A bare argument is the URL, where there can be one.
                Arg::Value(_) => options.iter().find(|option| option.name == "url"),
                _ => None,
            };
            let Some(Opt {
                name,
                value,
                fits,
                wanted,
                ..
            }) = option
            else {
                return Err(arg.unexpected());
            };
            let given = match (*value, arg) {
                (_, Arg::Value(url)) => url.string()?,
                ("", _) => "yes".into(),
                _ => parser.value()?.string()?,
            };
            if !fits(&given) {
                return Err(format!("--{name} {given:?}: expected {wanted}").into());
            }
            values.insert(*name, given);
            given_names.insert(*name);
        }
        Ok(Args {
            values,
            given: given_names,
        })
    }

    /// The value of an option of any kind; empty if it has no default and was not given.
    pub fn text(&self, name: &str) -> &str {
        let value = self.values.get(name);
        value.unwrap_or_else(|| panic!("the example does not list --{name}"))
    }

    /// Of these options the first that was given.
    pub fn first_given<'a>(&self, names: &[&'a str]) -> Option<&'a str> {
        let mut names = names.iter().copied();
        names.find(|name| self.given.contains(name))
    }

    /// Whether the flag was given.
    pub fn flag(&self, name: &str) -> bool {
        !self.text(name).is_empty()
    }

    /// The value of an option made with [`seconds`].
    pub fn seconds(&self, name: &str) -> Duration {
        parse_seconds(self.text(name)).expect("checked, or the example's own default")
    }

    /// The value of a [`number`] with a default.
    pub fn number(&self, name: &str) -> usize {
        self.given_number(name)
            .expect("checked, or the example's own default")
    }

    /// The value of a [`number`] without default, if given.
    pub fn given_number(&self, name: &str) -> Option<usize> {
        self.text(name).parse().ok()
    }

    /// `--url`, if given.
    pub fn url(&self) -> Option<&str> {
        Some(self.text("url")).filter(|url| !url.is_empty())
    }
}

fn parse_seconds(value: &str) -> Option<Duration> {
    let seconds: f64 = value.parse().ok()?;
    (0.0..=86_400.0)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

fn print_help(about: &str, options: &[Opt]) -> ! {
    println!("{about}\n\nOptions (after `--` if cargo runs it):");
    for option in options.iter().chain([&flag("help", "show this")]) {
        println!("{}", option.help());
    }
    exit(0)
}

/// The one argument of a program that reads a file; with `--help` or without it, what to give.
pub fn file(usage: &str) -> String {
    output::exit_when_it_fails();
    let mut arguments = std::env::args().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(help), None) if help == "--help" || help == "-h" => {
            println!("{usage}");
            exit(0)
        }
        (Some(path), None) => path,
        _ => output::end(usage, 2),
    }
}

/// A bad argument: one line on stderr, exit code 2.
pub fn usage_error(message: impl Display) -> ! {
    output::end(format_args!("{message} (--help lists the options)"), 2)
}
