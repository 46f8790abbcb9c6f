//! What the response parser costs, counted in allocations and in bytes looked at, not in time: hostile deliveries must not
//! make it work more (R36). One test in a process of its own, because it counts for the whole process.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use glassloop::http::parser::{Event, Limits, ResponseParser};
use http::Method;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is left to the system's allocator, whose contract is the same.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
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

/// What it cost to parse a stream.
#[derive(Debug, PartialEq)]
struct Cost {
    allocations: usize,
    /// Calls that gave body bytes.
    pieces: usize,
    /// Calls that left bytes unconsumed, which the next call was given again.
    returned: usize,
}

/// Parses `stream`, which comes in pieces of `size` bytes.
fn cost(stream: &[u8], size: usize) -> Cost {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let mut parser = ResponseParser::new(&Method::GET, Limits::default());
    let (mut done, mut until, mut pieces, mut returned) = (0, 0, 0, 0);
    loop {
        let (used, event) = parser.feed(&stream[done..until]).unwrap();
        done += used;
        match event {
            Event::NeedMore => {
                returned += usize::from(done < until);
                until = (until + size).min(stream.len());
            }
            Event::Head(_) => {}
            Event::Data(_) => pieces += 1,
            Event::End(_) => break,
        }
    }
    assert_eq!(done, stream.len());
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before;
    Cost {
        allocations,
        pieces,
        returned,
    }
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nServer: x\r\nDate: y\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n";

#[test]
fn r36_work_does_not_grow_with_the_number_of_pieces() {
    let empty = format!("{HEAD}0\r\n\r\n");
    let head = cost(empty.as_bytes(), 1 << 20);
    // The field names and values, the map, and its index.
    assert!(head.allocations <= 10, "{head:?}");

    // A million chunks of a byte each, whole and byte by byte: no allocation, and nothing is looked at twice.
    let chunks = format!("{HEAD}{}0\r\n\r\n", "1\r\nx\r\n".repeat(1_000_000));
    for size in [1 << 30, 16 * 1024, 1] {
        let cost = cost(chunks.as_bytes(), size);
        assert_eq!(
            (cost.allocations, cost.pieces),
            (head.allocations, 1_000_000)
        );
        // Only the head has to lie there whole.
        assert!(cost.returned <= HEAD.len(), "{cost:?}");
    }

    // A head of 60,000 bytes that drips is parsed a few times while it comes, without any allocation, and once in the end.
    let large = format!(
        "HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n",
        format!("X: {}\r\n", "v".repeat(500)).repeat(118)
    );
    let at_once = cost(large.as_bytes(), 1 << 20);
    assert_eq!(cost(large.as_bytes(), 1).allocations, at_once.allocations);

    // Trailers as well.
    let field = format!("T: {}\r\n", "v".repeat(500));
    let trailers = format!("{HEAD}0\r\n{}\r\n", field.repeat(118));
    let at_once = cost(trailers.as_bytes(), 1 << 20);
    assert_eq!(
        cost(trailers.as_bytes(), 1).allocations,
        at_once.allocations
    );
}
