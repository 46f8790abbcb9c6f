//! Statements about asyncio's behaviour that no program of `tests/programs` can tell, by their numbers in the project's list.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use glassloop::sync::Lock;
use glassloop::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn virtual_loop() -> EventLoop {
    EventLoop::builder().virtual_time().build().unwrap()
}

/// How many turns pass from the first step of `measured` to the one that gives its value.
fn turns<F: Future + 'static>(measured: F) -> u64 {
    let event_loop = virtual_loop();
    let number = Rc::new(Cell::new(0));
    let (current, took) = (number.clone(), Rc::new(Cell::new(0)));
    let out = took.clone();
    let task = event_loop
        .create_task(async move {
            let begin = current.get();
            measured.await;
            out.set(current.get() - begin);
        })
        .unwrap();
    while !task.done() {
        number.set(number.get() + 1);
        event_loop.turn().unwrap();
    }
    took.get()
}

#[test]
fn s52_latencies_are_asyncio_s_and_those_of_combinators_shorter() {
    async fn trivial() {}
    let all = [
        turns(trivial()),
        turns(async { create_task(trivial()).await }),
        turns(async { gather([trivial(), trivial()]).await }),
        turns(async { wait([create_task(trivial())]).await }),
        turns(async { wait_for(create_task(trivial()), ms(1)).await }),
        turns(async { shield(trivial()).await }),
        turns(async {
            let group = TaskGroup::<()>::new();
            group.run(async { Ok(()) }).await
        }),
        turns(async {
            let group = TaskGroup::<()>::new();
            let body = async {
                group.create_task(async { Ok(()) }).unwrap();
                Ok(())
            };
            group.run(body).await
        }),
    ];
    // asyncio: 0, 2, 3, 3, 2, 3, 0, 3: there the last child's end calls a callback, which wakes who waits for all.
    assert_eq!(all, [0, 2, 2, 2, 2, 3, 0, 2]);
    let done = async {
        let task = create_task(trivial());
        (&task).await.unwrap();
        task
    };
    // asyncio: 2 more.
    assert_eq!(turns(async { wait([done.await]).await }), 2);
}

#[test]
fn s17_the_handler_runs_in_the_context_of_what_failed() {
    let event_loop = virtual_loop();
    let user = ContextVar::new("user");
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (notes, whose) = (seen.clone(), user.clone());
    event_loop.set_exception_handler(move |_| notes.borrow_mut().push(whose.get()));
    event_loop
        .run_until_complete(async move {
            user.set("main");
            let fails = user.clone();
            let callback = move || {
                fails.set("callback");
                panic!("in a callback")
            };
            get_running_loop().unwrap().call_soon(callback).unwrap();
            let fails = user.clone();
            drop(create_task(async move {
                fails.set("task");
                panic!("in a task")
            }));
            yield_now().await;
            assert_eq!(user.get(), Some("main"));
        })
        .unwrap();
    assert_eq!(seen.take(), [Some("callback"), Some("task")]);
}

#[test]
fn s22_a_stop_in_the_turn_of_the_end_changes_nothing_and_before_it_is_an_error() {
    let event_loop = virtual_loop();
    let stop = || get_running_loop().unwrap().stop();
    let value = event_loop.run_until_complete(async move {
        stop();
        7
    });
    assert_eq!(value.unwrap(), 7);
    let task = event_loop.create_task(async move {
        stop();
        sleep(ms(1)).await;
        8
    });
    let task = task.unwrap();
    let stopped = event_loop.run_until_complete(&task).unwrap_err();
    assert_eq!(
        stopped.to_string(),
        "Event loop stopped before Future completed."
    );
    assert!(!task.done());
    assert_eq!(event_loop.run_until_complete(task).unwrap(), 8);
}

#[test]
fn s24_a_nested_run_is_refused_with_asyncio_s_words() {
    run(async {
        let nested = run(async {}).unwrap_err();
        assert_eq!(
            nested.to_string(),
            "run() cannot be called from a running event loop"
        );
        let running = get_running_loop().unwrap();
        let texts = [
            running.run_forever().unwrap_err(),
            running.close().unwrap_err(),
            EventLoop::new().unwrap().run_forever().unwrap_err(),
        ];
        assert_eq!(
            texts.map(|error| error.to_string()),
            [
                "This event loop is already running",
                "Cannot close a running event loop",
                "Cannot run the event loop while another loop is running",
            ]
        );
    })
    .unwrap();
    assert_eq!(
        get_running_loop().unwrap_err().to_string(),
        "no running event loop"
    );
}

#[test]
fn s26_a_closed_loop_refuses_all_but_the_harmless() {
    let event_loop = EventLoop::new().unwrap();
    let handle = event_loop.handle();
    event_loop.close().unwrap();
    let refused = [
        event_loop.call_soon(|| ()).err(),
        event_loop.call_later(ms(1), || ()).err(),
        event_loop.call_at(ms(1), || ()).err(),
        event_loop.create_task(async {}).err(),
        event_loop.run_forever().err(),
        event_loop.turn().err(),
        event_loop.run_until_complete(async {}).err(),
        event_loop.run_in_executor(|| ()).err(),
        event_loop.add_signal_handler(10, || ()).err(),
        event_loop.add_reader(std::io::stdin(), || ()).err(),
        handle.call_soon_threadsafe(|| ()).err(),
        handle.run_coroutine_threadsafe(|| async {}).err(),
    ];
    for (i, error) in refused.into_iter().enumerate() {
        let text = error.map(|error| error.to_string());
        assert_eq!(text.as_deref(), Some("Event loop is closed"), "call {i}");
    }
    event_loop.close().unwrap();
    event_loop.stop();
    assert!(event_loop.time() > Duration::ZERO);
    assert!(!event_loop.create_promise::<()>().done());
    assert!(!event_loop.remove_reader(std::io::stdin()));
    assert!(!event_loop.remove_signal_handler(10));
    assert_eq!(
        format!("{event_loop:?}"),
        "<EventLoop running=false closed=true debug=false>"
    );
}

#[test]
fn s34_a_sleep_is_never_early() {
    run(async {
        for i in 0..50 {
            let (delay, begin) = (Duration::from_micros(300 + i), Instant::now());
            sleep(delay).await;
            assert!(begin.elapsed() >= delay);
        }
    })
    .unwrap();
}

#[test]
fn s48_a_promise_of_another_loop_can_be_awaited_and_cancelled() {
    let (one, other) = (virtual_loop(), virtual_loop());
    let (given, cancelled) = (one.create_promise(), one.create_promise::<()>());
    let awaited = given.clone();
    let takes = other.create_task(async move { awaited.await }).unwrap();
    let awaited = cancelled.clone();
    let ends = other.create_task(async move { awaited.await }).unwrap();
    other.turn().unwrap();
    one.run_until_complete(async move { given.set_result(5).unwrap() })
        .unwrap();
    ends.cancel();
    assert!(cancelled.cancelled());
    assert_eq!(other.run_until_complete(takes).unwrap().unwrap(), 5);
    assert!(ends.cancelled());
}

#[test]
fn s74_callbacks_run_outside_of_tasks() {
    let event_loop = virtual_loop();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let note = |what: &'static str| {
        let seen = seen.clone();
        move || seen.borrow_mut().push((what, current_task().is_none()))
    };
    let (soon, later, done) = (note("soon"), note("later"), note("done"));
    event_loop
        .run_until_complete(async move {
            assert!(current_task().is_some());
            let running = get_running_loop().unwrap();
            running.call_soon(soon).unwrap();
            running.call_later(ms(1), later).unwrap();
            create_task(async {}).add_done_callback(move |_| done());
            sleep(ms(2)).await;
        })
        .unwrap();
    assert_eq!(
        seen.take(),
        [("soon", true), ("done", true), ("later", true)]
    );
}

#[test]
fn s112_who_waits_for_a_lock_of_its_own_is_told_so() {
    let event_loop = virtual_loop();
    let error = event_loop.run_until_complete(async {
        current_task().unwrap().set_name("greedy");
        let lock = Lock::new();
        let _guard = lock.acquire().await;
        let _again = lock.acquire().await;
    });
    let text = error.unwrap_err().to_string();
    assert!(text.contains("name='greedy'"), "{text}");
    assert!(text.contains("wait_for=<Lock held by greedy>"), "{text}");
}

#[test]
fn s121_a_task_made_in_the_last_turn_of_main_gets_its_first_step() {
    let stepped = Rc::new(Cell::new(false));
    let steps = stepped.clone();
    run(async move {
        create_task(async move {
            steps.set(true);
            pending::<()>().await
        });
    })
    .unwrap();
    assert!(stepped.get());
}

#[test]
fn s127_a_queued_job_can_be_prevented_and_a_running_one_runs_on() {
    run(async {
        let running = get_running_loop().unwrap();
        let (begun, ran) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        // Every thread of the pool is busy with one of these until the gate opens.
        let threads = (cpu_count() + 4).min(32);
        let mut jobs = Vec::new();
        for _ in 0..threads {
            let (gate, begun, ran) = (gate.clone(), begun.clone(), ran.clone());
            let job = move || {
                begun.fetch_add(1, Ordering::SeqCst);
                let _ = gate.lock().unwrap().recv();
                ran.fetch_add(1, Ordering::SeqCst);
            };
            let job = running.run_in_executor(job).unwrap();
            jobs.push(create_task(async move { job.await.unwrap() }));
        }
        let queued = create_task(async { to_thread(|| panic!("it was cancelled")).await });
        while begun.load(Ordering::SeqCst) < threads {
            sleep(ms(1)).await;
        }
        assert!(queued.cancel() && jobs[0].cancel());
        let outcome: Result<Result<(), TaskError>, TaskError> = queued.await;
        assert!(outcome.unwrap_err().is_cancelled());
        assert!((&jobs[0]).await.unwrap_err().is_cancelled());
        // The cancellations came at once; all threads still wait at the gate.
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        drop(release);
        gather(jobs.split_off(1)).await.unwrap();
        while ran.load(Ordering::SeqCst) < threads {
            sleep(ms(1)).await; // the job whose result nobody wants is not yet over
        }
    })
    .unwrap();
}

#[test]
fn s92_of_a_result_and_a_limit_in_one_turn_the_limit_wins_and_the_result_stays() {
    let event_loop = virtual_loop();
    let promise = event_loop.create_promise();
    // The result first: its timer is the older one.
    let producer = promise.clone();
    event_loop
        .call_later(ms(10), move || producer.set_result("R").unwrap())
        .unwrap();
    let awaited = promise.clone();
    let waits = async move { wait_for(&awaited, ms(10)).await };
    let waits = event_loop.run_until_complete(waits).unwrap();
    assert_eq!(waits.map(|_| ()), Err(TimeoutError));
    assert_eq!(*promise.result().unwrap(), "R");

    // The limit first: the producer finds the promise cancelled.
    let promise = event_loop.create_promise();
    let (awaited, producer) = (promise.clone(), promise.clone());
    let refused = Rc::new(RefCell::new(None));
    let refusal = refused.clone();
    let both = async move {
        let waits = create_task(async move { wait_for(&awaited, ms(10)).await });
        yield_now().await;
        let event_loop = get_running_loop().unwrap();
        let set = move || *refusal.borrow_mut() = producer.set_result("R").err();
        event_loop.call_later(ms(10), set).unwrap();
        waits.await.unwrap()
    };
    assert!(event_loop.run_until_complete(both).unwrap().is_err());
    assert!(promise.cancelled());
    assert_eq!(
        refused.borrow().as_ref().unwrap().to_string(),
        "invalid state: it is done or cancelled already"
    );
}

#[test]
fn s100_the_stream_of_as_completed_ends_behind_its_timeout() {
    let event_loop = virtual_loop();
    let got = event_loop.run_until_complete(async {
        let naps = [1, 9].map(|n| create_task(async move { sleep(ms(n)).await }));
        let mut stream = as_completed(naps.clone()).timeout(ms(5));
        let mut got = Vec::new();
        while let Some(item) = stream.next().await {
            got.push(item.map(|task| task.name()));
        }
        assert!(!naps[1].done() && !naps[1].cancelled());
        got
    });
    assert_eq!(got.unwrap(), [Ok("Task-2".to_owned()), Err(TimeoutError)]);
}

#[test]
fn s109_a_group_that_is_cancelled_before_it_is_entered_is_cancelled_then() {
    let event_loop = virtual_loop();
    event_loop
        .run_until_complete(async {
            let group = TaskGroup::<()>::new();
            group.cancel();
            let inside = group.clone();
            let ran = group.run(async {
                let refused = inside.create_task(async { Ok(()) }).map(drop);
                assert_eq!(refused.unwrap_err(), GroupClosed::ShuttingDown);
                sleep(ms(1)).await;
                Ok(1)
            });
            assert_eq!(ran.await.unwrap_err().errors.len(), 0);
            assert_eq!(current_task().unwrap().cancelling(), 0);
            // A body that does not suspend has its value all the same.
            let group = TaskGroup::<()>::new();
            group.cancel();
            assert_eq!(group.run(async { Ok(2) }).await.unwrap(), 2);
        })
        .unwrap();
}

#[test]
fn s84_wait_takes_references_and_gives_them_back() {
    let event_loop = virtual_loop();
    event_loop
        .run_until_complete(async {
            let tasks = [9, 1, 2].map(|n| create_task(async move { sleep(ms(n)).await }));
            let (done, pending) = wait(&tasks).timeout(ms(5)).await.unwrap();
            let names =
                |tasks: &[&Task<()>]| tasks.iter().map(|task| task.name()).collect::<Vec<_>>();
            assert_eq!(names(&done), ["Task-3", "Task-4"]);
            assert_eq!(names(&pending), ["Task-2"]);
        })
        .unwrap();
}
