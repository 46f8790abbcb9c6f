//! Line charts as SVG: size and cost both on a logarithmic axis, so that a line that is flat or grows with the logarithm looks so, and
//! those ten times apart can be told apart.

use std::fmt::Write;

use crate::table::number;
use crate::workloads::short;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 44.0;

/// How far apart the names of two lines are.
const NAME: f64 = 14.0;

/// A line: what it is of, and (size, cost) at each point.
pub struct Line {
    pub name: &'static str,
    pub points: Vec<(u64, f64)>,
}

fn colour(name: &str) -> &'static str {
    match name {
        "glassloop" => "#0b7285",
        "floor" => "#868e96",
        "tokio-local" => "#e8590c",
        "smol" => "#5f3dc4",
        "monoio" => "#2b8a3e",
        _ => "#c2255c",
    }
}

/// 1, 2 and 5 times a power of ten, from the last that is not above `low` to the first that is not below `high`.
fn steps(low: f64, high: f64) -> Vec<f64> {
    let first = low.log10().floor() as i32;
    let last = high.log10().ceil() as i32;
    let all = (first..=last).flat_map(|power| [1.0, 2.0, 5.0].map(|f| f * 10f64.powi(power)));
    let all: Vec<f64> = all.collect();
    let from = all.iter().rposition(|&step| step <= low).unwrap_or(0);
    let to = all.iter().position(|&step| step >= high);
    all[from..=to.unwrap_or(all.len() - 1)].to_vec()
}

/// A short text for a step, which has one digit that counts.
fn label(step: f64) -> String {
    match step >= 1.0 {
        true => format!("{step:.0}"),
        false => number(step),
    }
}

/// Where names go that are wanted at these heights, sorted: none above another, and none below `bottom` if there is room.
fn spread(wanted: &[f64], bottom: f64) -> Vec<f64> {
    let mut at = wanted.to_vec();
    for i in 1..at.len() {
        at[i] = at[i].max(at[i - 1] + NAME);
    }
    let mut limit = bottom;
    for place in at.iter_mut().rev() {
        *place = place.min(limit);
        limit = *place - NAME;
    }
    at
}

pub fn chart(title: &str, axis: &str, unit: &str, lines: &[Line]) -> String {
    // What costs nothing has no place on such an axis.
    let points = || {
        lines
            .iter()
            .flat_map(|line| &line.points)
            .filter(|(_, cost)| *cost > 0.0)
    };
    let low = points().map(|(size, _)| *size).min().unwrap_or(1).max(1) as f64;
    let high = points().map(|(size, _)| *size).max().unwrap_or(10) as f64;
    let costs = || points().map(|(_, cost)| *cost);
    let cheapest = costs().reduce(f64::min).unwrap_or(1.0);
    let steps = steps(cheapest, costs().reduce(f64::max).unwrap_or(10.0));
    let (least, most) = (steps[0], steps[steps.len() - 1]);
    // How far `value` is from `from` to `to`.
    let share = |value: f64, from: f64, to: f64| {
        (value / from).log10() / (to / from).log10().max(f64::MIN_POSITIVE)
    };
    let x = |size: f64| LEFT + share(size, low, high) * (WIDTH - LEFT - RIGHT);
    let y = |cost: f64| HEIGHT - BOTTOM - share(cost, least, most) * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"14\" font-weight=\"bold\">{title}</text>\n"
    );
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for step in steps {
        let at = y(step);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"#dee2e6\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            label(step),
        );
    }
    let mut size = low;
    while size <= high * 1.001 {
        let (at, name) = (x(size), short(size as u64));
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.1} {TOP}V{bottom}\" stroke=\"#f1f3f5\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
            bottom + 16.0,
        );
        size *= 10.0;
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{axis}</text>\
         <text x=\"14\" y=\"{:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 14 {:.1})\">{unit}</text>",
        (LEFT + right) / 2.0,
        HEIGHT - 8.0,
        (TOP + bottom) / 2.0,
        (TOP + bottom) / 2.0,
    );
    let mut names: Vec<(f64, &str)> = Vec::new();
    for line in lines {
        let seen = line.points.iter().filter(|(_, cost)| *cost > 0.0);
        let at = seen.map(|(size, cost)| (x(*size as f64), y(*cost)));
        let at: Vec<(f64, f64)> = at.collect();
        let Some((_, end)) = at.last() else { continue };
        names.push((*end, line.name));
        let path: Vec<String> = at.iter().map(|(x, y)| format!("{x:.1} {y:.1}")).collect();
        let colour = colour(line.name);
        let _ = writeln!(
            svg,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join("L"),
        );
        for (x, y) in &at {
            let _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
            );
        }
    }
    names.sort_by(|a, b| a.0.total_cmp(&b.0));
    let wanted: Vec<f64> = names.iter().map(|(at, _)| *at).collect();
    for ((_, name), at) in names.iter().zip(spread(&wanted, bottom)) {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{}\">{name}</text>",
            right + 8.0,
            at + 4.0,
            colour(name),
        );
    }
    svg.push_str("</svg>\n");
    svg
}
