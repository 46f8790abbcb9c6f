//! Callbacks on file descriptors: called in each turn while ready, replaced, removed, and refused for regular files.
#![cfg(unix)]

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use glassloop::{EventLoop, LoopError};

fn pair() -> (UnixStream, UnixStream) {
    let (one, other) = UnixStream::pair().unwrap();
    one.set_nonblocking(true).unwrap();
    other.set_nonblocking(true).unwrap();
    (one, other)
}

#[test]
fn a_reader_is_called_in_each_turn_until_the_data_is_read() {
    let event_loop = EventLoop::new().unwrap();
    let (mut near, mut far) = pair();
    far.write_all(b"x").unwrap();
    let calls = Rc::new(Cell::new(0));
    let counted = calls.clone();
    event_loop
        .add_reader(&near, move || counted.set(counted.get() + 1))
        .unwrap();
    for turn in 1..=3 {
        event_loop.turn().unwrap();
        assert_eq!(calls.get(), turn);
    }
    assert_eq!(near.read(&mut [0; 8]).unwrap(), 1);
    event_loop.call_soon(|| ()).unwrap();
    event_loop.stop();
    event_loop.run_forever().unwrap();
    assert_eq!(calls.get(), 3);
    assert!(event_loop.remove_reader(&near));
    assert!(!event_loop.remove_reader(&near));
}

#[test]
fn a_second_reader_replaces_the_first_and_a_panic_keeps_the_watch() {
    let event_loop = EventLoop::new().unwrap();
    let (near, mut far) = pair();
    far.write_all(b"x").unwrap();
    let log = Rc::new(RefCell::new(Vec::new()));
    let old = log.clone();
    event_loop
        .add_reader(&near, move || old.borrow_mut().push("old"))
        .unwrap();
    let new = log.clone();
    event_loop
        .add_reader(&near, move || {
            new.borrow_mut().push("new");
            panic!("in a reader");
        })
        .unwrap();
    for _ in 0..3 {
        event_loop.turn().unwrap();
    }
    assert_eq!(*log.borrow(), ["new", "new", "new"]);
}

#[test]
fn a_reader_removed_by_the_reader_before_it_in_the_same_turn_is_not_called() {
    let event_loop = Rc::new(EventLoop::new().unwrap());
    let (first, mut to_first) = pair();
    let (second, mut to_second) = pair();
    to_first.write_all(b"x").unwrap();
    to_second.write_all(b"x").unwrap();
    let (first, second) = (Rc::new(first), Rc::new(second));
    let calls = Rc::new(Cell::new(0));
    for (own, other) in [(&first, &second), (&second, &first)] {
        let (calls, other) = (calls.clone(), other.clone());
        event_loop
            .add_reader(&**own, move || {
                calls.set(calls.get() + 1);
                glassloop::get_running_loop()
                    .unwrap()
                    .remove_reader(&*other);
            })
            .unwrap();
    }
    event_loop.turn().unwrap();
    assert_eq!(calls.get(), 1);
}

#[test]
fn a_writer_and_a_reader_of_one_descriptor_are_told_apart() {
    let event_loop = EventLoop::new().unwrap();
    let (near, mut far) = pair();
    let log = Rc::new(RefCell::new(String::new()));
    let (reads, writes) = (log.clone(), log.clone());
    event_loop
        .add_reader(&near, move || reads.borrow_mut().push('r'))
        .unwrap();
    event_loop
        .add_writer(&near, move || writes.borrow_mut().push('w'))
        .unwrap();
    event_loop.turn().unwrap();
    far.write_all(b"x").unwrap();
    event_loop.turn().unwrap();
    assert!(event_loop.remove_writer(&near));
    event_loop.turn().unwrap();
    assert_eq!(*log.borrow(), "wrwr");
}

#[test]
fn a_regular_file_is_refused_and_a_closed_loop_too() {
    let event_loop = EventLoop::new().unwrap();
    let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    let refused = event_loop.add_reader(&file, || ()).unwrap_err().to_string();
    assert!(
        refused.contains("always ready, as regular files are"),
        "{refused}"
    );
    assert!(!event_loop.remove_reader(&file));
    let (near, _far) = pair();
    event_loop.close().unwrap();
    assert!(matches!(
        event_loop.add_reader(&near, || ()),
        Err(LoopError::Closed)
    ));
    assert!(!event_loop.remove_reader(&near));
}

#[test]
fn a_failing_reader_is_reported_by_its_own_name() {
    fn boom() {
        panic!("in a reader");
    }
    let event_loop = EventLoop::new().unwrap();
    let messages = Rc::new(RefCell::new(Vec::new()));
    let log = messages.clone();
    event_loop.set_exception_handler(move |failure| log.borrow_mut().push(failure.message.clone()));
    let (near, mut far) = pair();
    far.write_all(b"x").unwrap();
    event_loop.add_reader(&near, boom).unwrap();
    event_loop.turn().unwrap();
    let messages = messages.borrow();
    assert_eq!(messages.len(), 1);
    let named = messages[0].starts_with("Exception in callback boom() at tests/readers.rs:");
    assert!(named, "{messages:?}");
}
