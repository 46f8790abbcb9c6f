//! The `Debug` forms as CPython's `repr`, and the other texts in which names and times stand.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use glassloop::sync::{Lock, PriorityQueue};
use glassloop::*;

fn in_virtual_time<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
    let event_loop = EventLoop::builder().virtual_time().build().unwrap();
    event_loop.run_until_complete(main).unwrap()
}

#[test]
fn what_sleeps_for_ever_sleeps_until_never() {
    in_virtual_time(async {
        let task = create_task(sleep(Duration::MAX));
        yield_now().await;
        let form = format!("{task:?}");
        assert!(form.ends_with(" wait_for=<sleep until never>>"), "{form}");
        let graph = wait_graph();
        let never = Some("sleep until never".to_owned());
        assert_eq!(graph.nodes[1].waits_for, never);
        assert!(
            graph.to_string().ends_with("└──  sleep until never\n"),
            "{graph}"
        );
        assert!(graph.to_dot().contains("\\nsleep until never\"];\n"));
        let later = get_running_loop().unwrap().call_later(Duration::MAX, || {});
        assert!(format!("{later:?}").contains(" when=never "), "{later:?}");
    });
}

#[test]
fn a_deadlock_of_sleepers_for_ever_says_never() {
    let event_loop = EventLoop::builder().virtual_time().build().unwrap();
    let ended = event_loop.run_until_complete(sleep(Duration::MAX));
    let report = ended.unwrap_err().to_string();
    assert!(report.contains("wait_for=<sleep until never>"), "{report}");
}

#[test]
fn a_name_with_a_newline_stays_on_its_line() {
    in_virtual_time(async {
        let task = create_task(sleep(Duration::from_secs(1))).named("two\nli\"nes");
        yield_now().await;
        let form = format!("{task:?}");
        assert!(
            form.starts_with(r#"<Task pending name='two\nli"nes' coro="#),
            "{form}"
        );
        let graph = wait_graph();
        assert_eq!(graph.nodes[1].name, "two\nli\"nes");
        assert!(graph.to_string().contains("(T) two\\nli\"nes\n"), "{graph}");
        assert!(
            graph.to_dot().contains(r#"[label="two\\nli\"nes\n"#),
            "{}",
            graph.to_dot()
        );
        let quoted = create_task(async {}).named("it's");
        assert!(
            format!("{quoted:?}").contains("name=\"it's\""),
            "{quoted:?}"
        );
    });
}

#[test]
fn the_drawing_says_what_is_waited_for_beside_the_arrow() {
    in_virtual_time(async {
        let lock = Lock::new();
        let guard = lock.acquire().await;
        let waiter = lock.clone();
        let task = create_task(async move { drop(waiter.acquire().await) });
        let direct = task.clone();
        let all = create_task(gather([task]).into_future());
        let awaits = create_task(direct.into_future());
        yield_now().await;
        let dot = wait_graph().to_dot();
        for label in ["t2 [label=\"Task-2\\n", "t3 [label=\"Task-3\\n"] {
            assert!(dot.contains(label), "{dot}");
        }
        assert!(
            dot.contains("()\\nLock\"];\n") && dot.contains("t2 -> t1;\n"),
            "{dot}"
        );
        assert!(
            dot.contains("()\\ngather 0/1\"];\n") && dot.contains("t3 -> t2;\n"),
            "{dot}"
        );
        assert!(
            dot.contains("t4 -> t2;\n") && !dot.contains("\\nTask-2\"];"),
            "{dot}"
        );
        drop(guard);
        let _ = awaits.await;
        let _ = all.await;
    });
}

#[test]
fn results_are_shortened_and_exceptions_named_as_in_the_log() {
    let reported = Rc::new(RefCell::new(String::new()));
    let report = reported.clone();
    let form = in_virtual_time(async move {
        let event_loop = get_running_loop().unwrap();
        event_loop
            .set_exception_handler(move |context| *report.borrow_mut() = context.source.clone());
        let list = create_task(async { (0..100).collect::<Vec<_>>() });
        let fails = create_task(async { panic!("boom") });
        yield_now().await;
        let form = format!("{list:?}");
        assert!(form.ends_with(" result=[0, 1, 2, 3, 4, 5, ...]>"), "{form}");
        let form = format!("{fails:?}");
        assert!(form.ends_with(" exception=Panic(\"boom\")>"), "{form}");
        form
    });
    assert_eq!(*reported.borrow(), format!("future: {form}"));
}

#[test]
fn small_things_have_forms_like_their_kin() {
    let period = interval(Duration::from_millis(1));
    assert_eq!(format!("{period:?}"), "<interval 1ms>");
    let queue = PriorityQueue::new(0);
    for item in [(2, "b"), (1, "a")] {
        queue.put_nowait(item).unwrap();
    }
    let full = "<PriorityQueue maxsize=0 _queue=[(1, \"a\"), (2, \"b\")] tasks=2>";
    assert_eq!(format!("{queue:?}"), full);
    in_virtual_time(async {
        let token = ContextVar::new("user").replace(1);
        assert_eq!(format!("{token:?}"), "<Token var=<ContextVar name='user'>>");
    });
}

#[test]
fn a_second_run_of_a_timeout_panics_at_the_callers_line() {
    static PLACE: std::sync::Mutex<Option<(String, u32)>> = std::sync::Mutex::new(None);
    let here = Location::caller().file();
    in_virtual_time(async move {
        let limit = Timeout::new(Duration::from_secs(1));
        limit.run(async {}).await.unwrap();
        let (this, before) = (std::thread::current().id(), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            // Other tests panic meanwhile.
            if std::thread::current().id() == this {
                let place = panic.location().unwrap();
                *PLACE.lock().unwrap() = Some((place.file().to_owned(), place.line()));
            }
        }));
        let line = line!() + 1;
        let second = catch_unwind(AssertUnwindSafe(|| drop(limit.run(async {}))));
        std::panic::set_hook(before);
        assert!(second.is_err());
        let place = PLACE.lock().unwrap().clone();
        assert_eq!(place, Some((here.to_owned(), line)));
    });
}
