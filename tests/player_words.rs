//! What the player's page says: of blocked steps, of names, of times, and in its key.
#![cfg(unix)]

// Not every test needs all of it.
#[allow(dead_code)]
mod browser;

use std::rc::Rc;
use std::time::Duration;

use browser::Browser;
use browser::runs::{blocked, done, nap, recorded, three_naps};
use glassloop::net::UnixDatagram;
use glassloop::trace::{Recorder, Trace, html, svg};
use glassloop::{EventLoop, create_task, gather, sleep, to_thread};

const SAYS: &str = "$('say').textContent";

/// What a loop in real time does with `main`.
fn really<F: Future<Output = ()> + 'static>(title: &str, main: F) -> Trace {
    let recorder = Rc::new(Recorder::new(title));
    let builder = EventLoop::builder().observer(recorder.clone());
    let event_loop = builder.build().unwrap();
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    recorder.trace()
}

#[test]
fn sockets_that_became_ready_while_a_step_blocked_had_to_wait_too() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let main = async {
        let pairs = [(); 2].map(|()| UnixDatagram::pair().unwrap());
        let (far, near): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let reads = near
            .into_iter()
            .map(|near| create_task(async move { near.recv(&mut [0; 8]).await.map(drop) }));
        let reads: Vec<_> = reads.collect();
        // Both wait before this goes on.
        sleep(Duration::from_millis(1)).await;
        for far in far {
            far.send(b"x").await.unwrap();
        }
        std::thread::sleep(Duration::from_millis(150));
        gather(reads).await.unwrap();
    };
    browser.visit(&html(&[really("sockets", main)]), "");
    browser.press(&["b"]);
    let said = browser.text(SAYS);
    let waited = "and 2 sockets were ready when the loop asked next.";
    assert!(said.ends_with(waited), "{said}");
    let blame = browser.text("document.querySelector('.blame').textContent");
    assert_eq!(
        blame.matches("ready when the loop asked next").count(),
        2,
        "{blame}"
    );
    browser.press(&["End"]);
    let verdict = browser.text(SAYS);
    assert!(
        verdict.contains(" T1 blocked it for ") && verdict.ends_with(waited),
        "{verdict}"
    );
    done(browser);
}

/// All sentences of the run, one a line.
const ALL: &str = "[...tr.stop].map(i => say(i)).join('\\n')";

#[test]
fn names_keep_their_case_and_their_direction() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let long = "long".repeat(150);
    let given = [
        "to be cancelled".to_owned(),
        "\u{202e}left".to_owned(),
        long.clone(),
    ];
    let main = async move {
        let naps = given.map(|name| {
            let task = create_task(nap(10));
            task.set_name(&name);
            task
        });
        gather(naps).await.unwrap();
    };
    browser.visit(&html(&[recorded("names", main)]), "");
    let said = browser.text(ALL);
    for expected in [
        "\n\u{2068}to be cancelled\u{2069} gets the pen and runs",
        "\n\u{2068}to be cancelled\u{2069} sets timer 1 for ",
        "\n\u{2068}\u{202e}left\u{2069} sets timer 2 for ",
        "\nT1 gets the pen and runs for the first time.",
    ] {
        assert!(said.contains(expected), "{expected:?} is not in {said}");
    }
    // Who searches does not know of the marks around a name.
    browser.eval("search('to be cancelled sets timer')");
    assert_eq!(
        browser.eval(&format!("{SAYS}.includes('sets timer 1')")),
        true
    );
    // A long name is cut, and stands in full where the pointer rests.
    for width in [1280, 390] {
        browser.window(width, 800, "light");
        browser.eval("go(99)");
        let wide = browser.eval("document.documentElement.scrollWidth");
        assert!(wide.as_u64().unwrap() <= width.into(), "{wide} of {width}");
    }
    browser.eval("search('turn 3')");
    assert_eq!(
        browser.text("document.querySelector('#tasks [title]').title"),
        long
    );
    let shown = browser.text("document.querySelector('#tasks [title]').textContent");
    assert_eq!(shown, format!("\u{2068}{}…\u{2069}", &long[..39]));
    done(browser);
}

#[test]
fn an_overdue_timer_was_due_and_the_loop_need_not_sleep_for_it() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    browser.visit(&html(&[blocked()]), "");
    let said = browser.text(ALL);
    assert!(said.contains("\nTimer 1 was due 2"), "{said}");
    assert!(
        said.contains(" ms ago, and joins the ready queue.\n"),
        "{said}"
    );
    assert!(
        !said.contains("is due, 2") && !said.contains(": 0."),
        "{said}"
    );
    done(browser);
}

#[test]
fn a_wake_by_another_thread_is_not_io() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let main = async { to_thread(|| std::thread::sleep(Duration::from_millis(20))).await };
    let main = async { main.await.unwrap() };
    browser.visit(&html(&[really("thread", main)]), "");
    let said = browser.text(ALL);
    assert!(
        said.contains(": another thread has posted something.\n"),
        "{said}"
    );
    assert!(!said.contains("no socket is ready"), "{said}");
    done(browser);
}

#[test]
fn the_key_explains_every_sign() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    browser.visit(&html(&[recorded("nap", nap(20))]), "");
    assert_eq!(
        browser.text("[...document.querySelectorAll('.key.loop span')].map(entry => entry.textContent).join('|')"),
        "r ✎ running|q ready, no pen|~ waiting|! blocking the loop|asleep|woken by ▼ I/O ◆ timer ■ thread|✓ done ✗ cancelled ! panicked"
    );
    done(browser);
}

#[test]
fn times_in_the_header_and_on_the_axis_agree_and_the_rest_has_a_name() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let mut trace = recorded("late", three_naps());
    // As if the program had been at work for 10 ms before it ran its loop.
    for record in &mut trace.records {
        record.t += 10_000_000;
    }
    browser.visit(&html(&[trace]), "");
    let facts = browser.text("$('facts').textContent");
    assert!(facts.starts_with("40.0 ms · "), "{facts}");
    let shares = "loop busy 0 %, idle 75 %, 25 % before the first turn and between steps";
    assert!(facts.contains(shares), "{facts}");
    for axis in ["fold", "time"] {
        let written = "(() => { const all = [], fill = CanvasRenderingContext2D.prototype.fillText; \
            CanvasRenderingContext2D.prototype.fillText = text => all.push(text); \
            $('axis').value = 'AXIS', $('axis').onchange({ target: $('axis') }); \
            CanvasRenderingContext2D.prototype.fillText = fill; return all; })()";
        let written = browser.eval(&written.replace("AXIS", axis));
        let written = written.as_array().unwrap();
        let end = if axis == "fold" { "40.0 ms" } else { "40 ms" };
        assert!(
            written.iter().any(|text| text == end),
            "{axis}: {written:?}"
        );
    }
    done(browser);
}

#[test]
fn the_page_and_the_picture_count_the_same_in_flight() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    let jobs = async {
        let job = || to_thread(|| std::thread::sleep(Duration::from_millis(20)));
        let jobs = [(); 2].map(|()| create_task(async move { job().await.unwrap() }));
        gather(jobs).await.unwrap();
    };
    // The first events of this one are lost: both wait already where it begins.
    let ring = Rc::new(Recorder::with_capacity("ring", 64));
    let builder = EventLoop::builder().virtual_time().observer(ring.clone());
    let event_loop = builder.build().unwrap();
    let main = async {
        let long = [(); 2].map(|()| create_task(nap(5000)));
        for _ in 0..300 {
            sleep(Duration::from_millis(1)).await;
        }
        gather(long).await.unwrap();
    };
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    let ring = ring.trace();
    assert!(ring.dropped > 0);
    for (trace, peak) in [
        (recorded("naps", three_naps()), 3),
        (really("jobs", jobs), 2),
        (ring, 3),
    ] {
        browser.visit(&html(std::slice::from_ref(&trace)), "");
        let facts = browser.text("$('facts').textContent");
        assert!(
            facts.contains(&format!("waits in flight ≤ {peak} ")),
            "{facts}"
        );
        let picture = svg(std::slice::from_ref(&trace));
        assert!(
            picture.contains(&format!(">≤ {peak}<")),
            "{}: {picture}",
            trace.title
        );
    }
    done(browser);
}

#[cfg(feature = "greenlet")]
#[test]
fn a_greenlet_is_called_after_its_function_or_else_its_line() {
    let Some(mut browser) = Browser::open() else {
        return;
    };
    fn ticks(milliseconds: u64) {
        glassloop::greenlet::sleep(Duration::from_millis(milliseconds));
    }
    fn tock() {}
    let main = async {
        let named = glassloop::greenlet::spawn(|| ticks(1));
        let other = glassloop::greenlet::spawn(tock);
        gather([named, other]).await.unwrap();
    };
    browser.visit(&html(&[recorded("greenlets", main)]), "");
    browser.eval("search('T2 gets the pen')");
    let names = browser.eval("[...document.querySelectorAll('em')].map(name => name.textContent)");
    let line = include_str!("player_words.rs")
        .lines()
        .position(|line| line.contains("spawn(tock)"));
    let line = format!("Greenlet:{}", line.unwrap() + 1);
    let own = &names.as_array().unwrap()[1..];
    assert_eq!(own, ["ticks", &line]);
    done(browser);
}
