//! Line charts as SVG: the size on a logarithmic axis, the cost on a linear one from zero.

use std::fmt::Write;

use crate::table::number;
use crate::workloads::short;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 44.0;

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
        _ => "#2b8a3e",
    }
}

/// The largest of 1, 2, 5 times a power of ten such that four steps or more reach `top`.
fn step(top: f64) -> f64 {
    let power = 10f64.powf((top / 4.0).log10().floor());
    let steps = [5.0, 2.0, 1.0].map(|factor| factor * power);
    steps
        .into_iter()
        .find(|step| step * 4.0 <= top)
        .unwrap_or(power)
}

fn label(cost: f64) -> String {
    match cost.fract() == 0.0 {
        true => format!("{cost:.0}"),
        false => number(cost),
    }
}

pub fn chart(title: &str, axis: &str, unit: &str, lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let low = points().map(|(size, _)| *size).min().unwrap_or(1).max(1) as f64;
    let high = points().map(|(size, _)| *size).max().unwrap_or(10) as f64;
    let top = points()
        .map(|(_, cost)| *cost)
        .fold(f64::MIN_POSITIVE, f64::max)
        * 1.05;
    let x = |size: f64| {
        let share = (size / low).log10() / (high / low).log10().max(f64::MIN_POSITIVE);
        LEFT + share * (WIDTH - LEFT - RIGHT)
    };
    let y = |cost: f64| HEIGHT - BOTTOM - cost / top * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"14\" font-weight=\"bold\">{title}</text>\n"
    );
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let mut cost = 0.0;
    while cost <= top {
        let at = y(cost);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"#dee2e6\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            label(cost),
        );
        cost += step(top);
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
    let mut labels: Vec<(f64, &str)> = Vec::new();
    for line in lines.iter().filter(|line| !line.points.is_empty()) {
        let at = line
            .points
            .iter()
            .map(|(size, cost)| (x(*size as f64), y(*cost)));
        let at: Vec<(f64, f64)> = at.collect();
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
        if let Some((_, y)) = at.last() {
            labels.push((*y, line.name));
        }
    }
    // Names that would overlap move down.
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = 0f64;
    for (y, name) in labels {
        let at = y.max(free);
        free = at + 14.0;
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
