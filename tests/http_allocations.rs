//! How often a request on a kept connection asks for memory. One test in a process of its own, because it counts for the thread.

mod http_peer;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use glassloop::http::ClientSession;
use glassloop::run;
use http_peer::serve_all;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is left to the system's allocator, whose contract is the same; the counter allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ANSWER: &str = "HTTP/1.1 200 OK\r\nserver: floor\r\ndate: Tue, 24 Nov 2026 12:00:00 GMT\r\n\
    content-type: text/plain; charset=utf-8\r\ncontent-length: 13\r\n\r\nHello, world!";

#[test]
fn a_get_on_a_kept_connection_asks_for_memory_three_times() {
    let (url, _) = serve_all(|_, peer| {
        while peer.request().is_some() {
            peer.send(ANSWER);
        }
    });
    run(async move {
        let session = ClientSession::new();
        let (mut awaited, mut sent) = (Vec::new(), Vec::new());
        for _ in 0..50 {
            let before = ALLOCATIONS.get();
            let response = session.get(&url).await.unwrap();
            assert_eq!(response.bytes().await.unwrap(), "Hello, world!");
            awaited.push(ALLOCATIONS.get() - before);
            let before = ALLOCATIONS.get();
            let response = session.get(&url).send().await.unwrap();
            assert_eq!(response.bytes().await.unwrap(), "Hello, world!");
            sent.push(ALLOCATIONS.get() - before);
        }
        // The head and the body, which are the response's own, and the boxed future. Now and then the wheel needs a bucket
        // for a timer, and the first request makes the connection.
        awaited.sort();
        sent.sort();
        assert_eq!((awaited[0], awaited[25]), (3, 3), "{awaited:?}");
        assert_eq!((sent[0], sent[25]), (2, 2), "{sent:?}");
    })
    .unwrap();
}
