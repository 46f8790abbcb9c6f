//! `.svg`: the timeline as a picture for documents. One trace: who has the pen, and what each task or thread does meanwhile.
//! Several: a line for each, on one axis, as high as things were under way.

use std::fmt::Write;
use std::ops::Range;

use super::kind::end;
use super::timeline::{Doing, Lane, Owner, Span, Timeline};
use super::trace::Trace;
use super::words::Time;
use crate::text::on_one_line;

const WIDTH: f64 = 860.0;
/// Where the names end and time begins.
const LEFT: f64 = 176.0;
const RIGHT: f64 = 104.0;
const ROW: f64 = 20.0;
const BAR: f64 = 12.0;
/// As many tasks, threads and processes have a row.
const MOST: usize = 14;
/// Gaps in which nobody does anything are folded to this part of the picture, if the work is less than [`LITTLE`] of the whole.
const FOLDED: f64 = 0.2;
const LITTLE: f64 = 0.05;

/// Colours and patterns. READY and WAITING differ in form, not only in colour.
const STYLE: &str = "\
svg{--ink:#1f2328;--faint:#818b98;--grid:#d1d9e0;--run:#1a7f37;--ready:#bf8700;--wait:#818b98;--block:#cf222e;--work:#0969da;--paper:#fff;\
background:var(--paper);font:12px system-ui,sans-serif}\
@media(prefers-color-scheme:dark){svg{--ink:#e6edf3;--faint:#9198a1;--grid:#3d444d;--run:#3fb950;--ready:#d29922;--wait:#9198a1;--block:#ff7b72;\
--work:#58a6ff;--paper:#0d1117}}\
text{fill:var(--ink)}.f{fill:var(--faint)}.e{text-anchor:end}.m{text-anchor:middle}.t{font-weight:600}\
.g{stroke:var(--grid)}.run{fill:var(--run)}.ready{fill:url(#q);stroke:var(--ready)}.wait{stroke:var(--wait);stroke-width:1.5}\
.block{fill:var(--block)}.cut{stroke:var(--paper);stroke-width:2}.sleep{stroke:var(--wait);stroke-width:1.5;stroke-dasharray:1 4}.work{fill:var(--work)}\
.live{fill:none;stroke:var(--work)}.fly{fill:var(--work);fill-opacity:.35;stroke:var(--work)}";

const PATTERN: &str = "<defs><pattern id=\"q\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
<path d=\"M0 0V5\" stroke=\"var(--ready)\" stroke-width=\"2\"/></pattern></defs>";

/// A picture of the traces.
pub fn svg(traces: &[Trace]) -> String {
    let mut picture = Picture {
        body: String::new(),
        y: 34.0,
    };
    match traces {
        [trace] => picture.draw_one(trace),
        traces => picture.draw_several(traces),
    }
    picture.finish(traces)
}

struct Picture {
    body: String,
    y: f64,
}

/// Where a time stands: pieces of time, each drawn evenly over a piece of the picture.
struct Axis {
    /// From, to, left, right, folded.
    pieces: Vec<(u64, u64, f64, f64, bool)>,
}

impl Axis {
    fn of(begin: u64, end: u64, gaps: &[(u64, u64)]) -> Axis {
        let whole = end.saturating_sub(begin).max(1);
        let idle: u64 = gaps.iter().map(|(from, to)| to - from).sum();
        // Where time is virtual, work takes none, and there is nothing to make room for.
        let fold = (whole - idle) as f64 <= LITTLE * whole as f64 && idle > 0 && idle < whole;
        let gaps = if fold { gaps } else { &[] };
        let space = WIDTH - LEFT - RIGHT;
        let folded = space * FOLDED * (gaps.len() as f64).sqrt() / gaps.len().max(1) as f64;
        let shown = if fold { whole - idle } else { whole };
        let scale = (space - folded * gaps.len() as f64) / shown.max(1) as f64;
        let (mut pieces, mut at, mut x) = (Vec::new(), begin, LEFT);
        for &(from, to) in gaps {
            let middle = x + (from - at) as f64 * scale;
            pieces.push((at, from, x, middle, false));
            pieces.push((from, to, middle, middle + folded, true));
            (at, x) = (to, middle + folded);
        }
        pieces.push((at, end.max(at + 1), x, WIDTH - RIGHT, false));
        Axis { pieces }
    }

    fn x(&self, t: u64) -> f64 {
        let piece = self.pieces.iter().find(|piece| t <= piece.1);
        let Some(&(from, to, left, right, _)) = piece else {
            return WIDTH - RIGHT;
        };
        let part = t.saturating_sub(from) as f64 / to.saturating_sub(from).max(1) as f64;
        left + part * (right - left)
    }
}

/// Times in which the loop slept for long: worth folding.
fn long_sleeps(timeline: &Timeline) -> Vec<(u64, u64)> {
    let least = (timeline.end - timeline.begin) / 12;
    let pen = timeline.lanes.iter().find(|lane| lane.owner == Owner::Pen);
    let spans = pen.into_iter().flat_map(|lane| &lane.spans);
    let sleeps = spans.filter(|span| span.doing == Doing::Sleep && span.to - span.from > least);
    sleeps.map(|span| (span.from, span.to)).collect()
}

impl Picture {
    fn put(&mut self, piece: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(piece);
    }

    fn text(&mut self, x: f64, class: &str, text: &str) {
        let (y, text) = (self.y, escaped(text));
        self.put(format_args!(
            "<text x=\"{x:.1}\" y=\"{y}\" class=\"{class}\">{text}</text>"
        ));
    }

    /// What stands before a row. Of a long name the letters may be wide ones: it is made to fit.
    fn name(&mut self, name: &str) {
        let (x, y, name) = (LEFT - 8.0, self.y, shortened(name));
        let fitted = match name.chars().count() {
            ..=22 => "",
            _ => " textLength=\"160\" lengthAdjust=\"spacingAndGlyphs\"",
        };
        self.put(format_args!(
            "<text x=\"{x}\" y=\"{y}\" class=\"e\"{fitted}>{}</text>",
            escaped(&name)
        ));
    }

    fn draw_one(&mut self, trace: &Trace) {
        let timeline = Timeline::of(trace);
        let axis = Axis::of(timeline.begin, timeline.end, &long_sleeps(&timeline));
        self.scale(&axis, timeline.begin);
        let rows = timeline.lanes.len();
        for lane in timeline.lanes.iter().take(MOST) {
            self.lane(&axis, lane, trace.slow);
        }
        if rows > MOST {
            self.y += ROW;
            self.text(LEFT, "f", &format!("and {} more", rows - MOST));
        }
        if timeline.peak() > 1 {
            self.curve(&axis, &timeline, "in flight", &timeline.peak().to_string());
        }
    }

    fn draw_several(&mut self, traces: &[Trace]) {
        let timelines: Vec<Timeline> = traces.iter().map(Timeline::of).collect();
        let longest = timelines
            .iter()
            .map(|timeline| timeline.end - timeline.begin)
            .max();
        let axis = Axis::of(0, longest.unwrap_or(1), &[]);
        self.scale(&axis, 0);
        for (trace, timeline) in traces.iter().zip(&timelines) {
            let took = Time(timeline.end - timeline.begin);
            self.curve(&axis, timeline, &trace.title, &took.to_string());
        }
    }

    /// The times above the picture, and the folds in it: how long they are only if there is room for all.
    fn scale(&mut self, axis: &Axis, begin: u64) {
        let Some(&(_, to, _, right, _)) = axis.pieces.last() else {
            return;
        };
        let end = Time(to - begin).to_string();
        self.text(right, "f e", &end);
        let room = LEFT..right - width(&end);
        let folds = axis.pieces.iter().filter(|piece| piece.4);
        let folds = folds.map(|&(from, to, left, right, _)| ((left + right) / 2.0, to - from));
        let times = folds
            .clone()
            .map(|(x, length)| (x, format!("// {} //", Time(length))));
        let marks = match fits(times.clone(), &room) {
            true => times.collect::<Vec<_>>(),
            false => folds.map(|(x, _)| (x, "//".to_owned())).collect(),
        };
        for mark in &marks {
            if fits([mark.clone()].into_iter(), &room) {
                self.text(mark.0, "f m", &mark.1);
            }
        }
        for &(from, _, left, right, folded) in &axis.pieces {
            if !folded && (right - left > 150.0 || from == begin) {
                let text = Time(from.saturating_sub(begin)).to_string();
                self.text(left, "f", &text);
            }
        }
        self.y += 6.0;
        let y = self.y;
        self.put(format_args!(
            "<path class=\"g\" d=\"M{LEFT} {y}H{}\"/>",
            WIDTH - RIGHT
        ));
    }

    fn lane(&mut self, axis: &Axis, lane: &Lane, slow: u64) {
        self.y += ROW;
        self.name(&lane.name);
        let (top, middle) = (self.y - BAR + 2.0, self.y - BAR / 2.0 + 2.0);
        for span in &lane.spans {
            let (from, to) = (axis.x(span.from), axis.x(span.to));
            let wide = (to - from).max(1.0);
            let slow = span.to - span.from >= slow;
            let class = match span.doing {
                Doing::Run if slow => "block",
                Doing::Run => "run",
                Doing::Ready => "ready",
                Doing::Block if lane.owner == Owner::Pen => "block",
                Doing::Block => match lane.owner {
                    Owner::Task(_) => "block",
                    _ => "wait",
                },
                Doing::Wait => "wait",
                Doing::Sleep => "sleep",
                Doing::Work => "work",
                Doing::Live => "live",
            };
            let title = title(span, class);
            match class {
                // What does nothing is a line; what does something, or could, is a bar.
                "wait" | "sleep" => self.put(format_args!(
                    "<path class=\"{class}\" d=\"M{from:.1} {middle}H{:.1}\"><title>{title}</title></path>",
                    from + wide
                )),
                class => self.put(format_args!(
                    "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{top}\" width=\"{wide:.1}\" height=\"{BAR}\"><title>{title}</title></rect>"
                )),
            }
            // A blocked step is cut by a line as well, so that it is told from others without colours.
            if class == "block" && wide > 6.0 {
                let (bottom, middle) = (top + BAR, from + wide / 2.0);
                self.put(format_args!(
                    "<path class=\"cut\" d=\"M{:.1} {bottom}l6 -{BAR}\"/>",
                    middle - 3.0
                ));
            }
        }
        let running = |span: &&Span| span.open && matches!(span.doing, Doing::Run | Doing::Block);
        let mark = match lane.ended {
            Some(end::FINISHED) => "✓",
            Some(end::PANICKED) => "!",
            Some(_) => "✗",
            None if lane.spans.last().filter(running).is_some() => "still runs",
            None => return,
        };
        if let Some(last) = lane.spans.last() {
            self.text(axis.x(last.to) + 3.0, "", mark);
        }
    }

    /// How much was under way, as the height of a row.
    fn curve(&mut self, axis: &Axis, timeline: &Timeline, name: &str, figure: &str) {
        self.y += ROW + 4.0;
        self.name(name);
        let base = self.y + 2.0;
        let peak = f64::from(timeline.peak().max(1));
        let start = axis.pieces.first().map_or(0, |piece| piece.0);
        let x = |t: u64| axis.x(t - timeline.begin + start);
        let mut path = format!("M{:.1} {base}", x(timeline.begin));
        for &(t, count) in &without_blinks(timeline, (timeline.end - timeline.begin) / 400) {
            let height = if count == 0 {
                0.0
            } else {
                4.0 + 12.0 * f64::from(count) / peak
            };
            let _ = write!(path, "H{:.1}V{:.1}", x(t), base - height);
        }
        let last = x(timeline.end);
        self.put(format_args!(
            "<path class=\"fly\" d=\"{path}H{last:.1}V{base}Z\"/>"
        ));
        let most = timeline.peak();
        let figure = match figure == most.to_string() {
            true => format!("≤ {most}"),
            false => format!("{figure}, ≤ {most}"),
        };
        self.text(last + 6.0, "", &figure);
    }

    fn finish(mut self, traces: &[Trace]) -> String {
        self.y += ROW + 8.0;
        self.key(traces.len() > 1);
        let height = self.y + 10.0;
        let title = match traces {
            [trace] => escaped(&trace.command),
            traces => {
                let command = traces.first().map_or("", |trace| trace.command.as_str());
                escaped(command)
            }
        };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\
             <title>{title}</title><style>{STYLE}</style>{PATTERN}<text x=\"8\" y=\"16\" class=\"t\">{title}</text>{}</svg>\n",
            self.body
        )
    }

    fn key(&mut self, several: bool) {
        let y = self.y;
        let (top, middle) = (y - BAR + 2.0, y - BAR / 2.0 + 2.0);
        if several {
            self.text(
                8.0,
                "f",
                "height: how much is under way at a time (≤ the most); length: wall time",
            );
            return;
        }
        let items = [
            ("run", "runs"),
            ("ready", "READY, no pen"),
            ("wait", "WAITS"),
            ("block", "blocks the loop"),
            ("sleep", "loop asleep in the kernel"),
            ("work", "in flight; threads at work"),
        ];
        let mut x = 8.0;
        for (class, text) in items {
            match class {
                "wait" | "sleep" => self.put(format_args!(
                    "<path class=\"{class}\" d=\"M{x} {middle}h18\"/>"
                )),
                class => self.put(format_args!(
                    "<rect class=\"{class}\" x=\"{x}\" y=\"{top}\" width=\"18\" height=\"{BAR}\"/>"
                )),
            }
            if class == "block" {
                let bottom = top + BAR;
                self.put(format_args!(
                    "<path class=\"cut\" d=\"M{} {bottom}l6 -{BAR}\"/>",
                    x + 6.0
                ));
            }
            self.text(x + 24.0, "f", text);
            x += 40.0 + width(text);
        }
        self.y += ROW;
        self.text(8.0, "f", "✓ finished   ✗ cancelled   ! panicked");
    }
}

/// How much was under way, without drops that are too short to be seen.
fn without_blinks(timeline: &Timeline, shortest: u64) -> Vec<(u64, u32)> {
    let mut points: Vec<(u64, u32)> = Vec::new();
    for &(t, count) in &timeline.in_flight {
        let dropped = |points: &[(u64, u32)]| match points {
            [.., (_, before), (at, low)] => low < before && t - at < shortest,
            _ => false,
        };
        if dropped(&points) {
            points.pop();
        }
        if points.last().is_none_or(|(_, last)| *last != count) {
            points.push((t, count));
        }
    }
    points
}

fn title(span: &Span, class: &str) -> String {
    let took = Time(span.to - span.from);
    let what = match span.doing {
        Doing::Run | Doing::Block if span.open && class == "block" => "still runs, has blocked for",
        Doing::Run if span.open => "still runs, for",
        Doing::Run => "runs",
        Doing::Ready => "READY",
        Doing::Wait => "WAITS",
        Doing::Sleep => "asleep in the kernel",
        Doing::Block => "blocks",
        Doing::Live => "alive",
        Doing::Work => "works",
    };
    escaped(format!("{what} {took} {}", span.label).trim_end())
}

/// About how wide a text is, in the picture's font.
fn width(text: &str) -> f64 {
    6.4 * text.chars().count() as f64
}

/// Whether texts about these middles stand clear of each other, and in `room`.
fn fits(mut texts: impl Iterator<Item = (f64, String)>, room: &Range<f64>) -> bool {
    let mut free = room.start;
    texts.all(|(x, text)| {
        let half = width(&text) / 2.0 + 3.0;
        let clear = x - half >= free && x + half <= room.end;
        free = x + half;
        clear
    })
}

fn shortened(name: &str) -> String {
    match name.char_indices().nth(26) {
        Some((at, _)) => format!("{}…", &name[..at]),
        None => name.to_owned(),
    }
}

/// XML has no control characters, not even by their numbers.
fn escaped(text: &str) -> String {
    on_one_line(text)
        .replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_if_they_stand_clear_of_each_other_and_of_both_ends() {
        let texts =
            |middles: &'static [f64]| middles.iter().map(|&x| (x, "// 1.000 s //".to_owned()));
        let room = 100.0..400.0;
        assert!(fits(texts(&[150.0, 240.0, 330.0]), &room));
        assert!(!fits(texts(&[150.0, 230.0, 330.0]), &room));
        assert!(!fits(texts(&[140.0, 240.0]), &room));
        assert!(!fits(texts(&[240.0, 360.0]), &room));
    }
}
