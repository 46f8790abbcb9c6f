//! The command line: what is asked for, and which options that goes with.

use lexopt::prelude::*;

pub const HELP: &str = "\
glassloop and its peers on the same work.

    all | WORKLOAD...           measure: a family (yield) or one size of it (yield/1k)
    instructions [WORKLOAD...]  count instructions an operation with callgrind instead (CPU-only workloads, and http)
    syscalls [WORKLOAD...]      count system calls an operation with strace instead
    growth                      cost against size, drawn into benches/pictures/; with --quick or --only into benches/target/
    gate [--record]             compare glassloop's instructions with benches/instructions.txt, or write them there
    --rounds N                  rounds; 3 to 7 if not given, as the workload needs
    --quick                     3 rounds, and a tenth of the operations where more than the CPU decides
    --only NAME,...             these contestants alone
    --json FILE                 write the figures there too
    --list                      what there is

The status is 0 when all was done, 1 when a contestant failed, 2 when something was asked for that there is not.
";

#[derive(Default)]
pub struct Options {
    pub words: Vec<String>,
    pub rounds: Option<u32>,
    pub quick: bool,
    pub only: Vec<String>,
    pub json: Option<String>,
    pub list: bool,
    pub help: bool,
    pub record: bool,
    pub cold: bool,
    pub trace: Option<String>,
}

impl Options {
    pub fn parse() -> Result<Options, lexopt::Error> {
        let mut options = Options::default();
        let mut given: Vec<String> = Vec::new();
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            if let Long(name) = argument {
                if given.iter().any(|before| before == name) {
                    return Err(format!("--{name} is given twice").into());
                }
                given.push(name.to_owned());
            }
            match argument {
                Long("rounds") => options.rounds = Some(rounds(arguments.value()?)?),
                Long("quick") => options.quick = true,
                Long("only") => {
                    let names = arguments.value()?.string()?;
                    options.only = names.split(',').map(str::to_owned).collect();
                }
                Long("json") => options.json = Some(arguments.value()?.string()?),
                Long("list") => options.list = true,
                Long("record") => options.record = true,
                Long("trace") => options.trace = Some(arguments.value()?.string()?),
                Long("cold") => options.cold = true,
                Long("help") | Short('h') => options.help = true,
                Value(word) => options.words.push(word.string()?),
                _ => return Err(argument.unexpected()),
            }
        }
        let (what, allowed) = options.allowed();
        match given.iter().find(|name| !allowed.contains(&name.as_str())) {
            Some(name) => Err(format!("--{name} does not go with {what}").into()),
            None => Ok(options),
        }
    }

    /// What is asked for, and the options it heeds.
    fn allowed(&self) -> (&str, &'static [&'static str]) {
        match self.words.first().map(String::as_str) {
            _ if self.help => ("--help", &["help"]),
            _ if self.list => ("--list", &["list"]),
            Some(word @ ("instructions" | "syscalls")) => (word, &["quick", "only"]),
            Some("growth") => ("growth", &["rounds", "quick", "only"]),
            Some("gate") => ("gate", &["record"]),
            Some("child") => ("child", &["cold", "trace"]),
            Some("serve") => ("serve", &[]),
            _ => ("measuring", &["rounds", "quick", "only", "json"]),
        }
    }

    /// Whether a contestant is to take part.
    pub fn wanted(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

fn rounds(value: std::ffi::OsString) -> Result<u32, lexopt::Error> {
    match value.parse()? {
        0 => Err("--rounds 0: one is the least".into()),
        rounds => Ok(rounds),
    }
}
