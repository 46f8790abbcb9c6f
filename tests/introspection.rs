//! Looking at a loop: who waits for whom, context variables, failures that nobody awaits, random schedules.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use glassloop::sync::Lock;
use glassloop::*;

fn virtual_loop() -> EventLoop {
    EventLoop::builder().virtual_time().build().unwrap()
}

/// Without the paths and lines of sites, which change with this file.
fn without_sites(text: &str) -> String {
    let line = |line: &str| match line.find(" tests/") {
        Some(at) => {
            format!("{}\n", &line[..at])
        }
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn the_wait_graph_is_a_tree_of_who_awaits_whom() {
    async fn leaf() {
        sleep(Duration::from_secs(1)).await;
    }
    async fn locked(lock: Lock) {
        let _guard = lock.acquire().await;
    }
    async fn gathers(lock: Lock) {
        let first = create_task(leaf()).named("first");
        let second = create_task(locked(lock)).named("second");
        gather((first, second)).await.unwrap();
    }
    async fn groups() {
        let group = TaskGroup::<()>::new();
        let ran = group.run(async {
            let child = async {
                sleep(Duration::from_secs(2)).await;
                Ok(())
            };
            group.create_task(child).unwrap().set_name("child");
            Ok(())
        });
        ran.await.unwrap();
    }
    async fn main() {
        let lock = Lock::new();
        let guard = lock.acquire().await;
        let top = create_task(gathers(lock.clone())).named("top");
        let group = create_task(groups()).named("group");
        yield_now().await;
        yield_now().await;
        assert_eq!(
            without_sites(&wait_graph().to_string()),
            "└── (T) top\n\
             \x20   └──  gathers\n\
             \x20       └──  gather 0/2\n\
             \x20           ├── (T) first\n\
             \x20           │   └──  leaf\n\
             \x20           │       └──  sleep until 1.000 s\n\
             \x20           └── (T) second\n\
             \x20               └──  locked\n\
             \x20                   └──  Lock\n\
             \x20                       └── (T) Task-1\n\
             \x20                           └──  main\n\
             └── (T) group\n\
             \x20   └──  groups\n\
             \x20       └──  TaskGroup 0/1\n\
             \x20           └── (T) child\n\
             \x20               └──  groups\n\
             \x20                   └──  sleep until 2.000 s\n"
        );
        let dot = wait_graph().to_dot();
        assert!(dot.starts_with(
            "digraph tasks {\n    node [shape=box];\n    t1 [label=\"Task-1\\nmain()\"];\n"
        ));
        assert!(dot.contains("t2 -> t4;\n    t2 -> t5;\n"), "{dot}");
        drop(guard);
        top.await.unwrap();
        group.await.unwrap();
    }
    virtual_loop().run_until_complete(main()).unwrap();
    assert_eq!(wait_graph().nodes, []);
}

#[test]
fn tasks_in_a_circle_are_listed_and_not_drawn_for_ever() {
    virtual_loop()
        .run_until_complete(async {
            let promise = Promise::<Task<()>>::new();
            let partner = promise.clone();
            let a = create_task(async move {
                let b = partner.await.unwrap();
                let _ = b.await;
            });
            let of_a = a.clone();
            let b = create_task(async move {
                let _ = of_a.await;
            });
            promise.set_result(b.clone()).unwrap();
            for _ in 0..3 {
                yield_now().await;
            }
            let text = wait_graph().to_string();
            assert_eq!(
                without_sites(&text),
                "└── (T) Task-1\n\
                 \x20   └──  tasks_in_a_circle_are_listed_and_not_drawn_for_ever\n\
                 cycle: Task-2 → Task-3 → Task-2\n"
            );
            let text = format!("{a:?}");
            assert_eq!(text.matches("wait_for=").count(), 2, "{text}");
            assert!(
                text.contains("wait_for=<Task pending name='Task-3' coro="),
                "{text}"
            );
            assert!(text.ends_with(" wait_for=...>>"), "{text}");
            a.cancel();
        })
        .unwrap();
}

#[test]
fn a_row_of_tasks_is_shown_no_longer_than_it_is() {
    let event_loop = virtual_loop();
    let error = event_loop
        .run_until_complete(async {
            let mut last = create_task(pending::<()>());
            for _ in 0..20_000 {
                let before = last;
                last = create_task(async move { before.await.unwrap() });
            }
            yield_now().await;
            let tree = wait_graph().to_string();
            // Two lines for this task, two for each of a hundred levels, and one for what is below.
            assert_eq!(tree.lines().count(), 2 + 2 * 100 + 1);
            let end = "└── (T) Task-19902 (19900 more below)\n";
            assert!(tree.ends_with(end), "{:?}", tree.lines().last());
            last.await.unwrap();
        })
        .unwrap_err();
    let text = error.to_string();
    assert_eq!(text.lines().count(), 20_003);
    assert!(text.lines().all(|line| line.len() < 500));
}

#[test]
fn context_is_that_of_the_creation_of_a_task_and_of_the_adding_of_a_callback() {
    let event_loop = virtual_loop();
    let log = Rc::new(RefCell::new(Vec::new()));
    let notes = log.clone();
    event_loop
        .run_until_complete(async move {
            let event_loop = get_running_loop().unwrap();
            let number = ContextVar::new("number");
            assert_eq!(number.get(), None);
            let note = |what: &'static str| {
                let (number, notes) = (number.clone(), notes.clone());
                move || notes.borrow_mut().push((what, number.get()))
            };
            number.set(1);
            let at_creation = note("task");
            let task = create_task(async move {
                yield_now().await;
                at_creation();
            });
            event_loop.call_soon(note("soon")).unwrap();
            event_loop
                .call_later(Duration::from_millis(1), note("later"))
                .unwrap();
            let promise = Promise::<()>::new();
            let done = note("done");
            promise.add_done_callback(move |_| done());
            let changes = number.clone();
            event_loop.call_soon(move || changes.set(9)).unwrap();
            let token = number.replace(2);
            event_loop.call_soon(note("after")).unwrap();
            promise.set_result(()).unwrap();
            task.await.unwrap();
            sleep(Duration::from_millis(2)).await;
            note("main")();
            number.reset(token);
            note("reset")();
        })
        .unwrap();
    assert_eq!(
        log.take(),
        [
            ("soon", Some(1)),
            ("after", Some(2)),
            ("done", Some(1)),
            ("task", Some(1)),
            ("later", Some(1)),
            ("main", Some(2)),
            ("reset", Some(1)),
        ]
    );
}

#[test]
fn failures_that_nobody_awaits_go_to_the_exception_handler() {
    let event_loop = virtual_loop();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let notes = seen.clone();
    event_loop.set_exception_handler(move |context| {
        let panic = context
            .panic
            .as_ref()
            .map(|panic| panic.message().to_owned());
        notes.borrow_mut().push((context.message.clone(), panic));
        if context.message.starts_with("Exception") {
            panic!("the handler fails, too"); // which is logged, and changes nothing
        }
    });
    event_loop.call_soon(|| panic!("in a callback")).unwrap();
    event_loop
        .run_until_complete(async {
            drop(create_task(async { panic!("in a task") }));
            yield_now().await;
        })
        .unwrap();
    event_loop.create_task(pending::<()>()).unwrap();
    event_loop.close().unwrap();
    let seen = seen.take();
    assert!(
        seen[0].0.starts_with(
            "Exception in callback failures_that_nobody_awaits_go_to_the_exception_handler() at "
        ),
        "{seen:?}"
    );
    assert_eq!(seen[0].1.as_deref(), Some("in a callback"));
    assert_eq!(
        seen[1..],
        [
            (
                "Task exception was never retrieved".to_owned(),
                Some("in a task".to_owned())
            ),
            ("Task was destroyed but it is pending!".to_owned(), None),
        ]
    );
}

fn order(seed: Option<u64>) -> Vec<usize> {
    let builder = EventLoop::builder().virtual_time();
    let builder = match seed {
        Some(seed) => builder.seed(seed),
        None => builder,
    };
    let event_loop = builder.build().unwrap();
    let ran = Rc::new(RefCell::new(Vec::new()));
    for i in 0..8 {
        let ran = ran.clone();
        event_loop
            .call_soon(move || ran.borrow_mut().push(i))
            .unwrap();
    }
    event_loop.turn().unwrap();
    ran.take()
}

#[test]
fn a_seed_permutes_what_is_ready_and_can_be_repeated() {
    assert_eq!(order(None), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(order(Some(7)), order(Some(7)));
    let different = (0..10).map(|seed| order(Some(seed)));
    let different: std::collections::HashSet<_> = different.collect();
    assert!(different.len() > 5, "{different:?}");
    for mut order in different {
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2, 3, 4, 5, 6, 7]);
    }
}

#[test]
fn a_sleep_shows_its_delay_and_once_it_waits_its_end() {
    let waiting = virtual_loop().run_until_complete(async {
        let mut slept = Box::pin(sleep(Duration::from_secs(2)));
        assert_eq!(format!("{slept:?}"), "<sleep 2s>");
        assert!(timeout(Duration::from_secs(1), &mut slept).await.is_err());
        let waiting = format!("{slept:?}");
        slept.as_mut().await;
        assert_eq!(format!("{slept:?}"), "<sleep done>");
        waiting
    });
    assert_eq!(waiting.unwrap(), "<sleep until 2.000 s>");
}
