//! The player in a real browser: recorded runs are opened, stepped through, questioned and played as a person would.
#![cfg(unix)]

// Not every test needs all of it.
#[allow(dead_code)]
mod browser;

use std::rc::Rc;
use std::time::Duration;

use browser::Browser;
use browser::runs::{blocked, cut_off, done, nap, recorded, three_naps};
use glassloop::trace::html;
use glassloop::{Promise, create_task, sleep, sync};

/// All that the page shows of a moment.
const SHOWN: &str =
    "['say', 'where', 'turn', 'tasks', 'why', 'source-h'].map(id => $(id).textContent).join('|')";
const SAYS: &str = "$('say').textContent";

#[test]
fn stepping_and_rewinding_show_the_same() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    browser.visit(&html(&[recorded("naps", three_naps())]), "");
    let steps = browser.eval("tr.stop.length").as_u64().unwrap();
    assert_eq!(
        browser.text(SAYS),
        "The loop begins to run, on a clock that jumps from timer to timer."
    );

    let mut forwards = vec![browser.text(SHOWN)];
    for _ in 1..steps {
        browser.press(&["ArrowRight"]);
        forwards.push(browser.text(SHOWN));
    }
    assert_eq!(browser.eval("tr.stopOf[app.i] + 1"), steps);
    assert!(
        browser
            .text(SAYS)
            .starts_with("The run is over after 30.0 ms"),
        "{}",
        browser.text(SAYS)
    );
    assert!(
        browser
            .text(SAYS)
            .ends_with(" Up to 3 waits overlapped, so their times do not add up.")
    );
    browser.press(&["ArrowRight"]);
    assert_eq!(&browser.text(SHOWN), forwards.last().unwrap());
    for before in forwards.iter().rev().skip(1) {
        browser.press(&["ArrowLeft"]);
        assert_eq!(&browser.text(SHOWN), before);
    }
    // And so does jumping.
    for at in (0..steps as usize).rev().step_by(7) {
        browser.eval(&format!("go({at})"));
        assert_eq!(browser.text(SHOWN), forwards[at]);
    }
    done(browser);
}

#[test]
fn every_step_is_said_in_words() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    browser.visit(&html(&[recorded("nap", nap(20))]), "");
    let said = browser.eval("[...tr.stop].map(i => say(i))");
    let said: Vec<&str> = said
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect();
    assert!(
        said.iter()
            .all(|text| text.ends_with(['.', '?']) && !text.contains("undefined")),
        "{said:#?}"
    );
    let place = |text: &str| -> String {
        let line = include_str!("browser/runs.rs")
            .lines()
            .position(|line| line.contains(text))
            .unwrap();
        format!("runs.rs:{}", line + 1)
    };
    let slept = place("sleep(Duration::from_millis(milliseconds)).await");
    for expected in [
        "Turn 1 begins. 1 item is ready, so the loop may not sleep.",
        "T1 gets the pen and runs for the first time.",
        "T1 sets timer 1 for 20.0 ms, 20.0 ms from now.",
        &format!("T1 cannot go on at {slept}: it waits for timer 1 (due 20.0 ms)."),
        "Turn 2 begins. Nothing is ready: how long may the loop sleep?",
        "The loop asks the kernel, and may sleep until timer 1: 20.0 ms.",
        "Timer 1 is due, and joins the ready queue.",
        &format!(
            "Timer 1 wakes T1, which waited at {slept} for 20.0 ms. It is number 1 in the ready queue, still without the pen."
        ),
        &format!("T1 gets the pen and goes on at {slept}."),
        &format!(
            "T1 lets the others run first at {}.",
            place("yield_now().await;")
        ),
        "T1 has finished and gives the pen back for good.",
    ] {
        assert!(said.contains(&expected), "{expected} is not in {said:#?}");
    }
    done(browser);
}

#[test]
fn who_waits_for_several_counts_on() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    browser.visit(&html(&[recorded("naps", three_naps())]), "");
    let counted = "document.querySelector('.task small').textContent.split(' @')[0]";
    let mut counts = Vec::new();
    for _ in 0..browser.eval("tr.stop.length").as_u64().unwrap() {
        let now = browser.eval(&format!(
            "$('tasks').textContent.includes('gather') && {counted}"
        ));
        if now != false && counts.last() != Some(&now) {
            counts.push(now);
        }
        browser.press(&["ArrowRight"]);
    }
    assert_eq!(counts, ["gather 0/3", "gather 1/3", "gather 2/3"]);
    browser.eval("search('of what')");
    assert_eq!(browser.text(SAYS), "Of what T1 waits for, 1 of 3 are done.");
    browser.press(&["ArrowLeft"]);
    assert!(browser.text(SAYS).starts_with("T3 gets the pen"));
    done(browser);
}

#[test]
fn turns_links_search_and_keys() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let page = html(&[recorded("naps", three_naps())]);
    browser.visit(&page, "#step=9&task=3");
    assert_eq!(
        browser.eval("[tr.stopOf[app.i] + 1, document.querySelector('.chosen span').textContent]"),
        serde_json::json!([9, "T3"])
    );

    browser.press(&["Home", "Shift+ArrowRight", "Shift+ArrowRight"]);
    assert!(browser.text(SAYS).starts_with("Turn 2 begins."));
    browser.press(&["ArrowRight", "Shift+ArrowLeft"]);
    assert!(browser.text(SAYS).starts_with("Turn 2 begins."));
    browser.press(&["Shift+ArrowLeft"]);
    assert!(browser.text(SAYS).starts_with("Turn 1 begins."));

    // Typed key by key: none of them is taken from the field.
    browser.press(&[
        "/", "h", "a", "s", " ", "f", "i", "n", "i", "s", "h", "e", "d",
    ]);
    assert_eq!(browser.text("$('search').value"), "has finished");
    browser.press(&["Enter"]);
    assert!(
        browser.text(SAYS).starts_with("T3 has finished"),
        "the shortest nap ends first"
    );
    browser.press(&["Enter"]);
    assert!(browser.text(SAYS).starts_with("T4 has finished"));
    browser.eval("search('turn 3'), search('nonsense')");
    assert_eq!(browser.text(SAYS), "No step says “nonsense”.");
    browser.press(&["Escape", "ArrowLeft", "ArrowRight"]);
    assert!(browser.text(SAYS).starts_with("Turn 3 begins."));

    // The address is a link to what is shown.
    browser.eval("new Promise(done => setTimeout(done, 200))");
    let link = browser.text("location.hash");
    let shown = browser.text(SHOWN);
    browser.visit(&page, &link);
    assert_eq!(browser.text(SHOWN), shown);

    // One that is nonsense shows the beginning.
    browser.visit(&page, "#step=nonsense&task=x");
    assert!(browser.text(SAYS).starts_with("The loop begins"));

    browser.press(&["?"]);
    assert_eq!(browser.eval("$('help-text').open"), true);
    browser.press(&["Escape"]);
    for (key, state) in [("c", "view.showPath"), ("a", "view.expanded")] {
        let before = browser.eval(state);
        browser.press(&[key]);
        assert_ne!(browser.eval(state), before);
    }
    browser.press(&["+", "+"]);
    assert_eq!(browser.eval("(view.to - view.from).toFixed(6)"), "0.250000");
    browser.press(&["0"]);
    assert_eq!(browser.eval("view.to - view.from"), 1.0);
    for axis in ["time", "fold", "steps"] {
        browser.eval(&format!(
            "$('axis').value = '{axis}', $('axis').onchange({{ target: $('axis') }})"
        ));
        assert_eq!(browser.text("view.axis.mode"), axis);
    }
    // A time can be searched for in any unit.
    for (time, step) in [
        ("10 ms", "after 10.0 ms"),
        ("0.02 s", "after 10.0 ms"),
        ("30000 µs", "after 10.0 ms"),
    ] {
        browser.eval(&format!("search('{time}')"));
        let said = browser.text(SAYS);
        assert!(
            said.contains(step) && said.starts_with("The kernel wakes"),
            "{time}: {said}"
        );
    }
    // A click into the timeline, at its end.
    browser.eval("clickTimeline({ offsetX: view.width - 1, offsetY: 50 })");
    assert_eq!(browser.eval("app.i === tr.n - 1"), true);
    done(browser);
}

#[test]
fn the_four_boxes_follow_the_turn() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    browser.visit(&html(&[recorded("naps", three_naps())]), "");
    // The box of each step, in the turn in which the first timer fires.
    browser.eval("search('timer 2 is due'), byTurn(-1)");
    let mut boxes = String::new();
    while !browser.text(SAYS).starts_with("Timer 2 wakes") {
        boxes += &browser.text("document.querySelector('.now b').textContent");
        browser.press(&["ArrowRight"]);
    }
    boxes += &browser.text("document.querySelector('.now b').textContent");
    assert_eq!(boxes, "12334");
    assert_eq!(
        browser.text("document.querySelector('.queue').textContent"),
        "empty · next turn: T3"
    );
    browser.eval("search('gets the pen')");
    assert_eq!(
        browser.text("document.querySelector('.here i').textContent"),
        "▶ T3"
    );
    assert!(
        browser
            .text("document.querySelector('.here code').textContent")
            .contains("sleep(")
    );
    // At that line T2 and T4 sleep as well.
    assert_eq!(
        browser.text("[...document.querySelectorAll('.sleeps i')].map(i => i.textContent).join()"),
        "▶ T3,~ T1"
    );
    assert!(
        browser
            .text("$('why').textContent")
            .contains("woken by timer 2, which was due")
    );
    assert!(
        browser
            .text("$('why').textContent")
            .contains("T3 was created by T1")
    );
    // Why it took so long: the longest nap.
    let path = browser.text("document.querySelector('.path').textContent");
    assert!(
        path.contains("T2 waits for timer 1 (due 30.0 ms): 30.0 ms"),
        "{path}"
    );
    done(browser);
}

#[test]
fn a_blocked_step_names_its_victims() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    browser.visit(&html(&[blocked()]), "");
    assert_eq!(browser.text("$('blocked').textContent"), "! 1 blocked step");
    browser.press(&["b"]);
    let said = browser.text(SAYS);
    assert!(
        said.starts_with("T3 has finished") && said.contains("It blocked the loop for 2"),
        "{said}"
    );
    let blame = browser.text("document.querySelector('.blame').textContent");
    assert!(
        blame.contains("timer 1 of T2 due ") && blame.contains(" late"),
        "{blame}"
    );
    assert!(blame.contains("T4 ready "), "{blame}");
    done(browser);
}

#[test]
fn questions_are_answered_by_the_trace() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    for (trace, least) in [(recorded("naps", three_naps()), 6), (blocked(), 3)] {
        browser.visit(&html(&[trace]), "");
        browser.click("#predict");
        let questions = browser.eval("quiz.list.length").as_u64().unwrap();
        assert!(questions >= least, "{questions}");
        let mut right = 0;
        for number in 0..questions {
            // The future is hidden: no key leads there.
            let before = browser.text(SHOWN);
            browser.press(&["b", "ArrowRight", "End"]);
            assert_eq!(browser.text(SHOWN), before);
            let answer = browser.text(&format!("quiz.list[{number}].answer"));
            let options = browser.eval(
                "[...document.querySelectorAll('#card button')].map(button => button.textContent)",
            );
            let options = options.as_array().unwrap().clone();
            let place = options
                .iter()
                .position(|option| *option == answer.as_str())
                .unwrap();
            let wrongly = number == 1;
            let chosen = if wrongly {
                (place + 1) % options.len()
            } else {
                place
            };
            browser.click(&format!("#card button:nth-of-type({})", chosen + 1));
            let verdict = browser.text("$('card').textContent");
            right += u64::from(!wrongly);
            assert!(
                verdict.starts_with(if wrongly { "✗ No: " } else { "✓ Right. " }),
                "{verdict}"
            );
            // And there is the step that proves it.
            assert_eq!(
                browser.eval("app.i"),
                browser.eval(&format!("tr.stop[tr.stopOf[quiz.list[{number}].see]]"))
            );
            browser.click("#card button");
        }
        assert_eq!(
            browser.text("$('card').firstChild.textContent"),
            "No more questions."
        );
        assert_eq!(
            browser.eval("[quiz.right, quiz.wrong]"),
            serde_json::json!([right, 1])
        );
        browser.click("#card button");
        assert_eq!(
            browser.eval("$('card').hidden && !root.classList.contains('veiled')"),
            true
        );
    }
    done(browser);
}

#[test]
fn you_are_the_loop() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    browser.visit(&html(&[recorded("naps", three_naps())]), "");
    browser.click("#game");
    let click = |browser: &mut Browser, text: &str| {
        browser.eval(&format!("[...document.querySelectorAll('#card button')].find(button => button.textContent === {text:?}).click()"));
        browser.text("$('card').firstChild.textContent")
    };
    assert_eq!(
        click(&mut browser, "for ever"),
        "✗ T1 is ready: a loop that sleeps now lets it stand there for nothing."
    );
    assert_eq!(
        click(&mut browser, "T1"),
        "✓ T1 gets the pen and runs for the first time."
    );
    assert_eq!(
        click(&mut browser, "T3"),
        "✗ T3 is ready, but T2 stood in the queue before it: first in, first out."
    );
    for task in ["T2", "T3", "T4"] {
        assert_eq!(
            click(&mut browser, task),
            format!("✓ {task} gets the pen and runs for the first time.")
        );
    }
    assert!(click(&mut browser, "T2").starts_with("✗ T2 is not ready: it waits for timer 1"));
    assert_eq!(
        click(&mut browser, "not at all"),
        "✗ Nothing is ready: a loop that does not sleep now spins, and burns the processor."
    );
    assert!(click(&mut browser, "for ever").starts_with("✗ Timer 2 is due at 10.0 ms"));
    assert!(
        click(&mut browser, "until the next timer")
            .starts_with("✓ The loop asks the kernel, and may sleep until timer 2")
    );
    // The rest by the trace, to the end.
    browser.eval("while (decision < tr.n) { choose(whose(next()), next() ? 0 : 2); }");
    assert_eq!(
        browser.text("$('card').firstChild.textContent"),
        "The run is over, and you were the loop."
    );
    assert_eq!(
        browser.eval("[quiz.wrong, root.classList.contains('veiled')]"),
        serde_json::json!([5, false])
    );
    done(browser);
}

#[test]
fn what_answers_a_question_is_hidden_until_it_is_answered() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    const BOXES: &str = "[...document.querySelectorAll('.box p')].slice(0, 2).map(box => box.textContent).join('|')";
    let page = html(&[recorded("naps", three_naps())]);
    browser.visit(&page, "");
    // How long may the loop sleep? Neither a box says so, nor the sentence.
    browser.click("#predict");
    browser.eval("while (!quiz.list[quiz.at].ask.includes('How long may')) ask()");
    assert_eq!(browser.text(BOXES), "?|");
    assert_eq!(browser.text(SAYS), "Turn 3 begins.");
    assert!(
        browser
            .text(SHOWN)
            .contains("Ready queue first in, first outempty")
    );
    let hidden =
        "['facts', 'blocked'].filter(id => getComputedStyle($(id)).display !== 'none').join()";
    assert_eq!(browser.text(hidden), "");
    // Neither search nor the mouse leads to the answer; the past can be looked at, and left again.
    let shown = browser.text(SHOWN);
    browser.eval("search('step 40'), clickTimeline({ offsetX: view.width - 1, offsetY: 50 })");
    assert_eq!(browser.text(SHOWN), shown);
    browser.press(&["Home"]);
    assert!(browser.text(SAYS).starts_with("The loop begins"));
    browser.press(&["End"]);
    assert_eq!(browser.text(SHOWN), shown);
    browser.click("#card button");
    assert_eq!(
        browser.text(BOXES).split('|').next(),
        Some("Until timer 2: 10.0 ms")
    );

    // Idle or blocked? Asked when the loop has already begun to sleep.
    browser.eval("while (!quiz.list[quiz.at].ask.includes('meanwhile')) ask()");
    assert_eq!(browser.text(BOXES), "?|?");
    assert_eq!(browser.text(SAYS), "The loop asks the kernel.");
    assert_eq!(
        browser.text("document.querySelector('#why p').textContent"),
        "…"
    );

    // You are the loop: the same.
    browser.visit(&page, "");
    browser.click("#game");
    browser.eval("while (next()) choose(whose(next()), 0)");
    assert_eq!(browser.text(BOXES), "?|");
    assert_eq!(browser.text(SAYS), "Turn 3 begins.");
    done(browser);
}

#[test]
fn the_critical_path_says_behind_whom_a_task_stood_and_sums_up_what_is_alike() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    browser.visit(&html(&[blocked()]), "");
    // A busy machine may add a link between: the program was slow to begin.
    let path = "[...document.querySelectorAll('.path button')].map(link => link.textContent).filter((_, at, all) => !at || at === all.length - 1).join('|').replace(/[\\d.]+ [mµ]?s\\b/g, 'x').replace(/\\d+ short/, 'short')";
    assert_eq!(
        browser.text(path),
        "T2 waits for timer 1 (due x): x, fired x late, behind T3, which blocked the loop|short links, together x"
    );
    browser.eval("search('T4 gets the pen')");
    let why = browser.text("$('why').textContent");
    assert!(why.contains(", behind T3, which blocked the loop"), "{why}");

    let rounds = async {
        for _ in 0..8 {
            sleep(Duration::from_millis(2)).await;
        }
        sleep(Duration::from_millis(100)).await;
    };
    browser.visit(&html(&[recorded("rounds", rounds)]), "");
    let links = browser.eval(
        "[...document.querySelectorAll('.path button')].map(link => link.textContent.replace(/ \\(.*?\\)/, ''))",
    );
    assert_eq!(
        links,
        serde_json::json!(["T1 waits 9 times for timers: 116 ms"])
    );
    done(browser);
}

#[test]
fn a_step_that_never_ended_is_red_to_the_end_of_the_trace() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    browser.visit(&html(&[cut_off()]), "");
    assert_eq!(browser.text("$('blocked').textContent"), "! 1 blocked step");
    browser.press(&["b"]);
    let shown = browser.text(SHOWN);
    let said = browser.text(SAYS);
    assert!(
        said.starts_with(
            "The recording ends here, while T3 still runs. It has blocked the loop for "
        ) && said.ends_with(", and 3 others had to wait."),
        "{said}"
    );
    let blame = browser.text("document.querySelector('.blame').textContent");
    assert!(
        blame.starts_with("T3 still runs, has blocked the loop for ")
            && blame.contains("timer 1 of T2 due ")
            && blame.contains("T4 ready ")
            && blame.matches("still waits: ").count() == 3,
        "{blame}"
    );
    assert_eq!(
        browser.eval("tr.stopOf[app.i] === tr.stop.length - 1"),
        true
    );
    assert_eq!(
        browser.text("document.querySelector('.s1 + span').textContent"),
        "T3"
    );
    browser.press(&["Home", "b"]);
    assert_eq!(browser.text(SHOWN), shown);
    for mode in ["predict", "game", ""] {
        browser.eval(&format!("setMode('{mode}')"));
    }
    done(browser);
}

#[test]
fn the_source_that_is_missing_says_why() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let mut trace = recorded("nap", nap(20));
    for (file, why) in [
        (
            "gone/elsewhere.rs",
            "Run it in the folder of its Cargo.toml.",
        ),
        ("/outside/lib.rs", "it lies outside the project"),
    ] {
        for place in trace.places.iter_mut().filter(|place| !place.0.is_empty()) {
            place.0 = file.to_owned();
        }
        browser.visit(&html(std::slice::from_ref(&trace)), "");
        // The first screen says so already.
        let first = browser.text("$('source').textContent");
        assert!(first.starts_with(file) && first.contains(why), "{first}");
        browser.eval("search('sets timer')");
        let source = browser.text("$('source').textContent");
        assert!(source.starts_with(file) && source.contains(why), "{source}");
    }
    done(browser);
}

#[test]
fn blocks_of_one_function_are_told_apart_by_their_lines() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let line = |text: &str| -> String {
        let line = include_str!("browser/runs.rs")
            .lines()
            .position(|line| line.contains(text));
        format!("blocks:{}", line.unwrap() + 1)
    };
    browser.visit(&html(&[blocked()]), "");
    browser.eval("search('T5 gets the pen')");
    let names = browser.eval("[...document.querySelectorAll('em')].map(name => name.textContent)");
    assert_eq!(
        names,
        serde_json::json!([
            "blocks",
            "nap",
            &line("victim.await"),
            &line("culprit.await")
        ])
    );
    done(browser);
}

#[test]
fn who_awaited_a_promise_ran_because_somebody_fulfilled_it() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let main = async {
        let (promise, event) = (Promise::new(), Rc::new(sync::Event::new()));
        let (given, told) = (promise.clone(), event.clone());
        let waiter = create_task(async move { told.wait().await });
        let giver = create_task(async move {
            given.set_result(7).unwrap();
            // At once behind it, and not because of it.
            event.set();
        });
        assert_eq!(promise.await.unwrap(), 7);
        giver.await.unwrap();
        waiter.await.unwrap();
    };
    browser.visit(&html(&[recorded("promise", main)]), "");
    browser.eval("search('fulfils')");
    let said = browser.text(SAYS);
    assert!(
        said.starts_with("T3 fulfils a promise at player.rs:"),
        "{said}"
    );
    browser.eval("search('wakes T1')");
    let main = browser.text("$('why').textContent");
    let told = "woken by T3, which fulfilled a promise";
    assert!(main.contains(told), "{main}");
    browser.eval("search('wakes T2')");
    let waiter = browser.text("$('why').textContent");
    assert!(waiter.contains("woken by T3"), "{waiter}");
    assert!(!waiter.contains("promise"), "{waiter}");
    done(browser);
}
