//! The player's parts put together, without the comments and most of the spaces, which are a quarter of it. `build.rs` does it when
//! the library is built: a recorded program would wait for it, half a second where it is not optimised.

use std::borrow::Cow;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("player.css");
/// Each knows those before it, and the functions of `app.js` that go to a moment; `app.js` begins.
const SCRIPTS: [&str; 13] = [
    include_str!("trace.js"),
    include_str!("page.js"),
    include_str!("lives.js"),
    include_str!("say.js"),
    include_str!("why.js"),
    include_str!("axis.js"),
    include_str!("paint.js"),
    include_str!("timeline.js"),
    include_str!("turn.js"),
    include_str!("predict.js"),
    include_str!("game.js"),
    include_str!("compare.js"),
    include_str!("app.js"),
];

/// Words of ours that a browser does not know, that no text names and no test asks for: in the page one or two letters do,
/// one for the most frequent, which stand first.
const LONG: &str = "run task item timer text trace paint wait span name queue what ready runs poll kind left tasks row life room flag \
    first total \
    about again ahead aheadOf alive asleep bars before begin behind best block blocked blocks box buttons byTimer \
    callback callbacks cancel capital card CAUSE cause causeOf change chip chips choice chooseRows classes closeBar \
    colour coloured common coro coroOf count counts creator criticalPath cross curve curveTop decide decides defaultAxis \
    depth detailOf dim done draw drawAxis drawBody drawCause drawCurve drawHead drawKernel drawMoment drawName drawPath \
    drawPen drawQueue drawRun drawState drawTask drawTimeline drawTrack end ended ENDS event ever facts few findLives \
    fired flies flush fly FLYING flying folds follow found foundReady free gap gone guess hasLoop hatch held here holding holds \
    hurt idle idleGaps inFlight ink inLoop interests itemAt itemName items known label last lastly lastOf late limit \
    line lines link links listen little live locOf longest longestGap loops made makeAxis makers many maySleep middle \
    more most nameOf names narrow near NEVER newTask number objection onlyOnce onTrack openBar openCompare openTimeline \
    orderOf orders others owner ownLoc pair panel parent part parts path pathWords pattern peak percent picture place \
    points polls press pushed question queues readColours readLink readTrace rowOf runAt same score scroll seen seenAt \
    setAxis shape share short showCompare showDiff showGame shown showQueues showSource showSources showTasks showTimers \
    showTurn showWhy side sleep sleeps slept soft source sourceName spans spawn startGame startQuiz state stateAt step \
    stubborn stuck sum taskAt there thread ticks timers timersAt titles told took track tracksOf tree turns under until \
    upTo actor act atX blockedFor born cap chain detail enter factor FEW gaps goTo handlers inBody KERNEL KEYS low \
    makeQuestions PEN ran RIGHT ROW RUST show tall tile timeout who WHY word used back busy calledAt child doc due file job loop mark own read said since start unit patience posted shares slow sockets turn veil veiled verbs verdict victims visible waitAt waited WAITED waiting waitsFor waitText wakers wanted \
    where which whoWaited whyChain wide woke words work works write yield";

/// The page, with `/*STYLE*/`, `/*SCRIPT*/` and `/*TRACE*/` where hashes and traces belong.
pub fn page() -> String {
    let page: String = PAGE.lines().map(str::trim_start).collect();
    page.replacen("/*CSS*/", &squeeze_style(STYLE), 1)
        .replacen("/*JS*/", &scripts(), 1)
}

fn scripts() -> String {
    SCRIPTS.iter().map(|script| squeeze(script)).collect()
}

fn squeeze_style(style: &str) -> String {
    let mut style: String = style
        .lines()
        .map(|line| line.trim_start().to_owned() + " ")
        .collect();
    for (wide, narrow) in [
        (" {", "{"),
        ("{ ", "{"),
        (": ", ":"),
        ("; ", ";"),
        (", ", ","),
        (";}", "}"),
        ("} ", "}"),
        (" > ", ">"),
    ] {
        style = style.replace(wide, narrow);
    }
    style
}

/// Takes the comments and the needless spaces out of a script. Strings stay as they are; regular expressions in `player/`
/// have neither spaces nor quotes nor two slashes, so they need no care. Every statement there ends with a semicolon, and none
/// is empty. Declarations that follow each other become one; what nobody assigns to need not say so, to a browser.
fn squeeze(script: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || "_$\\".contains(c);
    let mut out = String::with_capacity(script.len());
    // Of each block that is open: whether the statement there is a declaration.
    let mut declares = vec![false];
    let mut rest = script;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if c.is_whitespace() {
            let after = rest.trim_start();
            let breaks =
                rest[..rest.len() - after.len()].contains('\n') && !after.starts_with("//");
            let before = out.chars().last().unwrap_or(';');
            let next = after.chars().next().unwrap_or(';');
            if breaks && !"{};,(?:=&|[".contains(before) && !"}.)?:&|]".contains(next) {
                out.push('\n');
            } else if is_word(before) && is_word(next) || before == next && "+-".contains(next) {
                out.push(' ');
            }
            rest = after;
        } else if c == '"' || c == '`' {
            let (string, after) = rest.split_at(string_len(rest));
            squeeze_holes(string, &mut out);
            rest = after;
        } else if is_word(c) {
            let (word, after) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
            let declared = matches!(word, "const" | "let");
            let begins = out.is_empty() || out.ends_with([';', '{', '}', '\n']);
            let statement = declares.last_mut().expect("no brace is closed twice");
            match (declared, *statement && out.ends_with(';')) {
                (true, true) => out.replace_range(out.len() - 1.., ","),
                (true, false) => out.push_str("let"),
                (false, _) => out.push_str(&short(word)),
            }
            if begins {
                *statement = declared;
            }
            rest = after;
        } else {
            match c {
                '{' => declares.push(false),
                '}' => drop(declares.pop()),
                _ if out.ends_with(';') => *declares.last_mut().unwrap() = false,
                _ => {}
            }
            if c == '}' && out.ends_with(';') {
                out.pop();
            }
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// The word itself, unless it is one of [`LONG`].
fn short(word: &str) -> Cow<'_, str> {
    let letters = ('A'..='Z').chain('a'..='z');
    let one = ('A'..='Z').filter(|letter| !"KX".contains(*letter));
    let signs = letters.flat_map(|letter| [format!("${letter}"), format!("_{letter}")]);
    let digits =
        ('A'..='Z').flat_map(|letter| (0..10).map(move |digit| format!("{letter}{digit}")));
    let names = one.map(String::from).chain(signs).chain(digits);
    let mut pairs = LONG.split_whitespace().zip(names);
    match pairs.find(|(long, _)| *long == word) {
        Some((_, name)) => name.into(),
        None => word.into(),
    }
}

/// Copies a string, and squeezes what stands in the `${...}` of a template.
fn squeeze_holes(mut string: &str, out: &mut String) {
    while let Some(at) = string.find("${").filter(|_| string.ends_with('`')) {
        let (words, hole) = string.split_at(at);
        let (hole, after) = hole.split_at(hole_len(hole));
        out.push_str(words);
        out.push_str("${");
        out.push_str(&squeeze(&hole[2..hole.len() - 1]));
        out.push('}');
        string = after;
    }
    out.push_str(string);
}

/// How long the string or template is with which `text` begins.
fn string_len(text: &str) -> usize {
    let quote = text.as_bytes()[0];
    let mut at = 1;
    while at < text.len() {
        match text.as_bytes()[at] {
            b'\\' => at += 2,
            b'$' if quote == b'`' && text[at..].starts_with("${") => at += hole_len(&text[at..]),
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// How long the `${...}` of a template is with which `text` begins.
fn hole_len(text: &str) -> usize {
    let (mut at, mut depth) = (2, 1);
    while at < text.len() && depth > 0 {
        match text.as_bytes()[at] {
            b'"' | b'`' => at += string_len(&text[at..]),
            byte => {
                depth += i32::from(byte == b'{') - i32::from(byte == b'}');
                at += 1;
            }
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_squeezed_script_means_the_same() {
        let script = "// a comment\nconst a = b + +c; // more\nlet d = () => { e(); const f = 1; };\nconst [g] = d;\nif (a) return;\nelse f(\n  \"two  spaces // here\", `${ x ? `a  b` : \"}\" }  c`);\nlet x = 1\nlet y = 2\n";
        let same = "let a=b+ +c,d=()=>{e();let f=1},[g]=d;if(a)return;else f(\"two  spaces // here\",`${x?`a  b`:\"}\"}  c`);let x=1\nlet y=2\n";
        assert_eq!(
            squeeze(script).trim_end_matches('\n'),
            same.trim_end_matches('\n')
        );
    }
}
