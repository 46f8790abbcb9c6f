//! The picture of a trace: its scale, and that it is XML whatever a task is called.

use std::rc::Rc;
use std::time::Duration;

use glassloop::trace::{Recorder, svg};
use glassloop::{EventLoop, create_task, sleep};

/// A run in virtual time with so many sleeps of a second, and with a task of this name.
fn picture(sleeps: u32, name: &'static str) -> String {
    let recorder = Rc::new(Recorder::new("run"));
    let builder = EventLoop::builder().virtual_time();
    let event_loop = builder.observer(recorder.clone()).build().unwrap();
    let main = async move {
        let named = create_task(sleep(Duration::ZERO)).named(name);
        named.await.unwrap();
        for _ in 0..sleeps {
            sleep(Duration::from_secs(1)).await;
        }
    };
    event_loop.run_until_complete(main).unwrap();
    event_loop.close().unwrap();
    svg(&[recorder.trace()])
}

/// What is written above the picture.
fn above(svg: &str) -> Vec<&str> {
    let texts = svg.split("<text ").skip(2);
    let texts = texts.take_while(|text| !text.contains("class=\"e\""));
    let words = texts.filter_map(|text| text.split(['>', '<']).nth(1));
    words.collect()
}

#[test]
fn virtual_time_is_not_folded() {
    // Each piece between folds would have no length, and one of them all the room.
    assert_eq!(above(&picture(3, "short")), ["3.000 s", "0"]);
}

#[test]
fn a_name_with_control_characters_or_markup_does_not_spoil_the_picture() {
    let svg = picture(1, "\u{1b}[2J</svg>\u{7}\u{ffff}");
    assert!(
        svg.contains(">\\u{1b}[2J&lt;/svg&gt;\\u{7}\u{fffd}<"),
        "{svg}"
    );
    assert!(
        !svg.contains(|c: char| c.is_control() && c != '\n'),
        "{svg}"
    );
}

#[test]
fn a_long_name_is_made_to_fit() {
    let svg = picture(1, "a-name-of-26-MMMMMMMMMMMMM-and-more");
    let fitted =
        "textLength=\"160\" lengthAdjust=\"spacingAndGlyphs\">a-name-of-26-MMMMMMMMMMMMM…<";
    assert!(svg.contains(fitted), "{svg}");
}
