//! Who is who in a table of turns, where a task is but a number or a name: of which coroutine it is, and where it was made.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::text::on_one_line;

use super::columns::list;
use super::names::Place;
use super::turns::{Turn, Who};
use super::words::word;

/// As many lines are printed at once.
const LINES: usize = 20;

/// Tells of each task once.
#[derive(Default)]
pub(crate) struct Legend(BTreeSet<u32>);

impl Legend {
    /// The tasks of these turns that were not told yet: a line for those of one coroutine that were made at one place.
    pub(crate) fn of(&mut self, turns: &[Turn], strings: &[String], places: &[Place]) -> String {
        // What is known of each last, since it may be named late.
        let mut new: BTreeMap<u32, Who> = BTreeMap::new();
        let all = turns.iter().flat_map(Turn::tasks);
        new.extend(
            all.filter(|who| !self.0.contains(&who.task))
                .map(|who| (who.task, who)),
        );
        self.0.extend(new.keys());
        let (mut groups, mut numbers) = (Vec::<Vec<Who>>::new(), HashMap::new());
        for who in new.into_values() {
            let next = groups.len();
            let number = *numbers.entry((who.coroutine, who.place)).or_insert(next);
            match groups.get_mut(number) {
                Some(group) => group.push(who),
                None => groups.push(vec![who]),
            }
        }
        let lines = groups.iter().take(LINES);
        let mut text: String = lines.map(|group| line(group, strings, places)).collect();
        let rest: usize = groups.iter().skip(LINES).map(Vec::len).sum();
        if rest > 0 {
            text.push_str(&format!("and {rest} more tasks, made at other places\n"));
        }
        text
    }
}

fn line(group: &[Who], strings: &[String], places: &[Place]) -> String {
    let string = |number: u32| strings.get(number as usize).map_or("", String::as_str);
    let mut tasks = Vec::new();
    let mut rest = group;
    while let [first, ..] = rest {
        let unnamed = rest
            .iter()
            .enumerate()
            .take_while(|(at, who)| who.name == 0 && (who.task - first.task) as usize == *at);
        let count = unnamed.count();
        tasks.push(match count {
            0 => format!("T{}={}", first.task, word(string(first.name))),
            1 => format!("T{}", first.task),
            _ => format!("T{}..T{}", first.task, rest[count - 1].task),
        });
        rest = &rest[count.max(1)..];
    }
    let at = match places.get(group[0].place as usize) {
        Some((file, line, _)) if group[0].place != 0 => format!(" at {file}:{line}"),
        _ => String::new(),
    };
    let (tasks, coroutine) = (list(tasks).join(" "), string(group[0].coroutine));
    format!("{tasks}: {}\n", on_one_line(&format!("{coroutine}(){at}")))
}
