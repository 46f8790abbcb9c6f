//! The example `trace_view`: what it prints, and that what it writes is to the byte what the program would have written.

#[path = "../examples/support/mod.rs"]
mod support;
mod trace_program;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use glassloop::trace::{self, Recorder, Trace};
use glassloop::{EventLoop, create_task, sleep, yield_now};
use support::sibling;
use trace_program::in_virtual_time;

/// A folder with a saved trace in it, which is the present one of the programs that a test runs.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path =
            std::env::temp_dir().join(format!("glassloop-view-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        trace::save(path.join("run.evt.json"), &[in_virtual_time()]).unwrap();
        Folder(path)
    }

    /// Exit code, stdout and stderr.
    fn view(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let mut command = sibling::example("trace_view").unwrap();
        let output = command.args(args).current_dir(&self.0).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    fn prints(&self, args: &[&str], expected: &str) {
        let (code, stdout, stderr) = self.view(args);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert_eq!(stdout, expected, "{args:?}");
    }

    /// One line on stderr.
    fn refuses(&self, args: &[&str], code: i32, expected: &str) {
        let expected = (Some(code), String::new(), format!("{expected}\n"));
        assert_eq!(self.view(args), expected, "{args:?}");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A run whose first task sleeps or, with the mistake, only yields.
fn with_a_mistake(mistake: bool) -> Trace {
    let recorder = Rc::new(Recorder::new(if mistake { "trap" } else { "cure" }));
    let builder = EventLoop::builder().virtual_time();
    let event_loop = builder.observer(recorder.clone()).build().unwrap();
    let main = async move {
        let one = create_task(async move {
            match mistake {
                true => yield_now().await,
                false => sleep(Duration::from_secs(3)).await,
            }
        });
        let other = create_task(sleep(Duration::from_secs(1))).named("other");
        one.await.unwrap();
        other.await.unwrap();
    };
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    let mut trace = recorder.trace();
    (trace.command, trace.cost) = ("program".to_owned(), 0);
    trace
}

#[test]
fn a_saved_trace_is_shown_as_its_turn_table() {
    let folder = Folder::new("text");
    folder.prints(&["run.evt.json"], include_str!("golden/virtual.txt"));
    let table = include_str!("golden/virtual.txt");
    let numbered = |number| table.replacen("virtual", &format!("virtual {number}"), 1);
    let twice = format!("{}\n{}", numbered(1), numbered(2));
    folder.prints(&["run.evt.json", "run.evt.json"], &twice);
    let order = trace::order(&in_virtual_time());
    assert_eq!(order.lines().count(), 11);
    folder.prints(&["--logical", "run.evt.json"], &order);
}

#[test]
fn some_turns_are_shown_alone() {
    let folder = Folder::new("turn");
    let table: Vec<&str> = include_str!("golden/virtual.txt").lines().collect();
    let begin = table
        .iter()
        .position(|line| line.starts_with("turn "))
        .unwrap()
        + 1;
    let (head, rows) = (&table[..begin], &table[begin..]);
    let last = in_virtual_time().turns().unwrap();
    let last = *last.end() as usize;
    let (open, ends) = (format!("{last}.."), format!("1..{last}"));
    for (turns, from, to) in [
        ("2", 2, 2),
        ("2..4", 2, 4),
        ("..2", 1, 2),
        (open.as_str(), last, last),
        (ends.as_str(), 1, last),
        ("..", 1, last),
    ] {
        // The last turn is a callback's alone: no task is to be told of.
        let head = match from == last {
            true => [&head[..2], &head[begin - 1..]].concat(),
            false => head.to_vec(),
        };
        let lines = [&head, &rows[from - 1..to]].concat();
        let expected = format!("{}\n", lines.join("\n"));
        folder.prints(&["run.evt.json", "--turn", turns], &expected);
    }
    let bounds = format!(
        "expected 6, 6.., ..8 or 6..8, of the turns 1 to {last} (--help lists the options)"
    );
    for turns in [
        "",
        "0",
        "0..2",
        "3..2",
        "x",
        "2..x",
        "1..2..3",
        "-1",
        "99",
        "1..99",
        "4294967296",
    ] {
        let expected = format!("--turn {turns:?}: {bounds}");
        folder.refuses(&["run.evt.json", &format!("--turn={turns}")], 2, &expected);
    }
    // Without a loop there is none.
    trace::save(folder.0.join("none.evt.json"), &[Trace::default()]).unwrap();
    let expected = "--turn: there is no loop, and so no turn (--help lists the options)";
    folder.refuses(&["none.evt.json", "--turn", "1"], 2, expected);
}

#[test]
fn every_form_is_to_the_byte_what_the_program_would_have_written() {
    let folder = Folder::new("out");
    let (trap, cure) = (with_a_mistake(true), with_a_mistake(false));
    let save = |name: &str, traces: &[Trace]| trace::save(folder.0.join(name), traces).unwrap();
    save("one.evt.json", std::slice::from_ref(&trap));
    save("other.evt.json", std::slice::from_ref(&cure));
    let both = [trap, cure];
    save("both.evt.json", &both);
    let read = |name: String| std::fs::read(folder.0.join(name)).unwrap();
    for ending in ["html", "evt.json", "json", "order.txt", "txt", "svg"] {
        // Of the program itself, in the folder of its sources.
        save(&format!("expected.{ending}"), &both[..1]);
        save(&format!("expected2.{ending}"), &both);
        let out = format!("viewed.{ending}");
        folder.prints(&["one.evt.json", "--out", &out], "");
        let same = read(out) == read(format!("expected.{ending}"));
        assert!(same, "{ending}");
        for files in [&["one.evt.json", "other.evt.json"][..], &["both.evt.json"]] {
            let out = format!("viewed{}.{ending}", files.len());
            folder.prints(&[files, &["--out", &out]].concat(), "");
            let same = read(out) == read(format!("expected2.{ending}"));
            assert!(same, "{files:?} as {ending}");
        }
    }
    let page = String::from_utf8(read("viewed2.html".to_owned())).unwrap();
    assert!(
        page.contains("fn with_a_mistake(mistake: bool)"),
        "the source"
    );
}

#[test]
fn the_order_of_two_runs_is_compared_step_by_step() {
    let folder = Folder::new("diff");
    let save = |name: &str, trace| trace::save(folder.0.join(name), &[trace]).unwrap();
    save("trap.evt.json", with_a_mistake(true));
    save("cure.evt.json", with_a_mistake(false));
    folder.prints(
        &["trap.evt.json", "--diff", "cure.evt.json"],
        "- trap: program
+ cure: program

  T1 ~ T2
- T2 yields
+ T2 ~ sleep
  other ~ sleep
- T2 ✓
- T1 ~ T3
  other ✓
+ T2 ✓
  T1 ✓
  callback

5 steps in the same order in both; 3 only in -, 2 only in +
",
    );
    let same = "0 only in -, 0 only in +\n";
    let (_, stdout, _) = folder.view(&["run.evt.json", "run.evt.json", "--diff"]);
    assert!(stdout.ends_with(same), "{stdout}");
    let expected = "--diff: takes two traces, not 1 (--help lists the options)";
    folder.refuses(&["run.evt.json", "--diff"], 2, expected);
}

#[test]
fn what_cannot_be_shown_is_one_line_each() {
    let folder = Folder::new("errors");
    let write = |name: &str, text: &str| std::fs::write(folder.0.join(name), text).unwrap();
    let saved = std::fs::read_to_string(folder.0.join("run.evt.json")).unwrap();
    write("torn.evt.json", &saved[..saved.len() / 2]);
    write("new.evt.json", &saved.replacen("\"evt\":1", "\"evt\":9", 1));
    write("empty.evt.json", "");
    write("words.txt", "turn  at");
    write("none.evt.json", &trace::evt_json_of_all(&[]));
    write("run.json", &trace::chrome(&[in_virtual_time()]));
    write("run.html", &trace::html(&[in_virtual_time()]));
    let half = saved.len() / 2;
    for (file, expected) in [
        (
            "gone.evt.json",
            "gone.evt.json: No such file or directory (os error 2)",
        ),
        (".", ".: Is a directory (os error 21)"),
        (
            "torn.evt.json",
            &format!("torn.evt.json is no compact trace: it breaks off after {half} bytes"),
        ),
        (
            "new.evt.json",
            "new.evt.json is no compact trace: it is of version 9, and this reads version 1",
        ),
        (
            "empty.evt.json",
            "empty.evt.json is no compact trace: it is empty",
        ),
        ("words.txt", "words.txt is no compact trace: it is no JSON"),
        (
            "none.evt.json",
            "none.evt.json is no compact trace: there is no trace in it",
        ),
        (
            "run.json",
            "run.json is no compact trace: it is the form for Perfetto and Chrome, .json",
        ),
        (
            "run.html",
            "run.html is no compact trace: it is a page, .html",
        ),
    ] {
        folder.refuses(&[file, "run.evt.json"], 1, expected);
    }
    let both = "gone.evt.json: No such file or directory (os error 2)\nwords.txt is no compact trace: it is no JSON";
    folder.refuses(&["gone.evt.json", "words.txt"], 1, both);
    for (args, expected) in [
        (&[][..], "which traces? Give FILE.evt.json"),
        (&["--bogus"], "invalid option '--bogus'"),
        (
            &["run.evt.json", "--turn"],
            "missing argument for option '--turn'",
        ),
        (
            &["run.evt.json", "--logical", "--turn", "2"],
            "--turn: not with --logical",
        ),
        (
            &["run.evt.json", "--diff", "--out", "x.svg"],
            "--out: not with --diff",
        ),
        (
            &["run.evt.json", "--out", "run.foo"],
            "--out: run.foo: the ending must be one of .html, .evt.json, .json, .order.txt, .txt, .svg",
        ),
    ] {
        folder.refuses(args, 2, &format!("{expected} (--help lists the options)"));
    }
    let expected = "no/run.svg cannot be written: No such file or directory (os error 2)";
    folder.refuses(&["run.evt.json", "--out", "no/run.svg"], 1, expected);
    assert!(!Path::new(&folder.0).join("run.foo").exists());
}
