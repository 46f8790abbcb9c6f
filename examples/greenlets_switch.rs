//! Two greenlets switch: ordinary functions, without `async`, that are set aside when they wait.
//! Run: cargo run --features greenlet --example greenlets_switch
//! Predict: in which order do the four lines come?
//! Expect: "ping 1", "pong 1", "ping 2", "pong 2": each wait lets the other one run.
//! Look: `say` is no coroutine, and it waits two calls below where the greenlet began.
//! Change: take the sleep out of `say`: each greenlet now runs to its end before the other begins.

use std::time::Duration;

use glassloop::{LoopError, greenlet};

fn say(word: &str, n: u32) {
    println!("{word} {n}");
    greenlet::sleep(Duration::ZERO);
}

fn twice(word: &str) {
    for n in 1..=2 {
        say(word, n);
    }
}

fn main() -> Result<(), LoopError> {
    glassloop::run(async {
        let (ping, pong) = (
            greenlet::spawn(|| twice("ping")),
            greenlet::spawn(|| twice("pong")),
        );
        ping.await.expect("ping never fails");
        pong.await.expect("pong never fails");
    })
}
