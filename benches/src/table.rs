//! Medians and ratios of the rounds, as a Markdown table and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::rounds::{Missing, Row};
use crate::workloads::Workload;

/// The middle one, or the mean of the middle two.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// The median of the ratios of the rounds, each to the same round of `base`.
pub fn ratio(row: &Row, base: &Row) -> f64 {
    let rounds = row.figures.iter().zip(&base.figures);
    median(
        &rounds
            .map(|(figure, base)| figure / base)
            .collect::<Vec<_>>(),
    )
}

/// The median of the differences of the rounds, each to the same round of `base`.
pub fn above(row: &Row, base: &Row) -> f64 {
    let rounds = row.figures.iter().zip(&base.figures);
    median(
        &rounds
            .map(|(figure, base)| figure - base)
            .collect::<Vec<_>>(),
    )
}

/// What stands above the lines of [`Table::summary`].
pub const SUMMARY_HEAD: &str = "\
| workload | unit | floor | glassloop | best peer | to the best peer | to the floor |
|---|---|--:|--:|--:|--:|--:|
";

/// A workload's rows, best first, and what they are compared with.
pub struct Table<'a> {
    workload: &'a Workload<'a>,
    rows: Vec<Row>,
}

impl<'a> Table<'a> {
    pub fn new(workload: &'a Workload<'a>, mut rows: Vec<Row>) -> Table<'a> {
        rows.sort_by(|a, b| median(&a.figures).total_cmp(&median(&b.figures)));
        Table { workload, rows }
    }

    fn is_floor(row: &Row) -> bool {
        row.contestant.starts_with("floor")
    }

    /// The fastest that is neither floor nor glassloop.
    fn best_peer(&self) -> Option<&Row> {
        let mut rows = self.rows.iter().filter(|row| row.missing.is_none());
        rows.find(|row| Self::is_peer(row))
    }

    fn is_peer(row: &Row) -> bool {
        !Self::is_floor(row) && !row.contestant.starts_with("glassloop")
    }

    /// Whether nobody failed.
    pub fn all_done(&self) -> bool {
        !self.rows.iter().any(Row::failed)
    }

    fn floor(&self) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| Self::is_floor(row) && row.missing.is_none())
    }

    pub fn markdown(&self) -> String {
        let (peer, floor) = (self.best_peer(), self.floor());
        let family = self.workload.family;
        let mut text = format!("### {}: {}\n\n", self.workload.name(), family.about);
        let mut extras: Vec<&String> = Vec::new();
        for (name, _) in self.rows.iter().flat_map(|row| &row.extras) {
            if !extras.contains(&name) {
                extras.push(name);
            }
        }
        let columns = extras.iter().map(|name| format!(" {name} |"));
        let columns: String = columns.collect();
        let _ = writeln!(
            text,
            "| | {} | best | to the best peer | to the floor | above the floor |{columns}",
            family.unit
        );
        let _ = writeln!(
            text,
            "|---|--:|--:|--:|--:|--:|{}",
            "--:|".repeat(extras.len())
        );
        for row in &self.rows {
            if let Some(missing) = &row.missing {
                let missing = missing.to_string().replace('|', "\\|");
                let _ = writeln!(text, "| {} | {missing} |", row.contestant);
                continue;
            }
            let best = row.figures.iter().copied().fold(f64::INFINITY, f64::min);
            let to = |base: Option<&Row>| {
                base.map_or("".to_owned(), |b| format!("{:.2}", ratio(row, b)))
            };
            let _ = write!(
                text,
                "| {} | {} | {} | {} | {} | {} |",
                row.contestant,
                number(median(&row.figures)),
                number(best),
                to(peer),
                to(floor),
                floor.map_or("".to_owned(), |floor| number(above(row, floor))),
            );
            for name in &extras {
                let found = row.extras.iter().find(|(extra, _)| extra == *name);
                let figure = found.map_or("".to_owned(), |(_, values)| number(median(values)));
                let _ = write!(text, " {figure} |");
            }
            text.push('\n');
        }
        text
    }

    /// The workload as a line of the table under [`SUMMARY_HEAD`].
    pub fn summary(&self) -> String {
        let ours = self.rows.iter().find(|row| row.contestant == "glassloop");
        let figure = |row: Option<&Row>| match row {
            Some(row) if row.failed() => "failed".to_owned(),
            Some(row) => number(median(&row.figures)),
            None => String::new(),
        };
        let to = |base: Option<&Row>| {
            let both = ours.filter(|row| row.missing.is_none()).zip(base);
            both.map_or(String::new(), |(ours, base)| {
                format!("{:.2}", ratio(ours, base))
            })
        };
        let (peer, floor) = (self.best_peer(), self.floor());
        // One that failed might have been the best.
        let failed = self
            .rows
            .iter()
            .filter(|row| Self::is_peer(row) && row.failed());
        let failed = failed.map(|row| format!(" ({} failed)", row.contestant));
        format!(
            "| {} | {} | {} | {} | {} {}{} | {} | {} |\n",
            self.workload.name(),
            self.workload.family.unit,
            figure(self.rows.iter().find(|row| Self::is_floor(row))),
            figure(ours),
            figure(peer),
            peer.map_or("", |row| row.contestant),
            failed.collect::<String>(),
            to(peer),
            to(floor),
        )
    }

    pub fn json(&self) -> Value {
        let (peer, floor) = (self.best_peer(), self.floor());
        let rows = self.rows.iter().map(|row| {
            json!({
                "contestant": row.contestant,
                "median": row.missing.is_none().then(|| median(&row.figures)),
                "rounds": row.figures,
                "to_best_peer": peer.map(|base| ratio(row, base)),
                "to_floor": floor.map(|base| ratio(row, base)),
                "extras": row.extras.iter().map(|(name, values)| (name.clone(), json!(median(values)))).collect::<serde_json::Map<_, _>>(),
                "failure": row.missing.as_ref().map(Missing::to_string),
            })
        });
        json!({
            "workload": self.workload.name(),
            "unit": self.workload.family.unit,
            "population": self.workload.size.population,
            "ops": self.workload.size.ops,
            "rows": rows.collect::<Vec<_>>(),
        })
    }
}

/// Three digits that count.
pub fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.2}"),
    }
}
