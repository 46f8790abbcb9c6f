//! The network that `race --simulate` runs on: exact times, since the clock is virtual and the chances are the same each time.

#[path = "../examples/support/mod.rs"]
mod support;

use std::time::Duration;

use support::simulated::{Outcome, Plan, simulate};

const PLAN: Plan = Plan {
    clients: 10,
    delay: Duration::from_secs(1),
    latency: Duration::ZERO,
    loss: 0.0,
    servers: 1,
    limit: 4,
};

fn outcome(plan: Plan) -> Outcome {
    simulate(plan).unwrap()
}

#[test]
fn a_server_works_on_so_many_at_a_time_and_the_others_queue() {
    let outcome = outcome(PLAN);
    assert_eq!((outcome.answered, outcome.peak, outcome.lost), (10, 4, 0));
    assert_eq!(outcome.took, Duration::from_secs(3));
    assert_eq!(outcome.half, Duration::from_secs(2));
}

#[test]
fn a_balancer_deals_the_requests_out_in_turn() {
    let plan = Plan {
        servers: 5,
        limit: 1,
        ..PLAN
    };
    let outcome = outcome(plan);
    assert_eq!((outcome.answered, outcome.peak), (10, 5));
    assert_eq!(outcome.took, Duration::from_secs(2));
}

#[test]
fn each_way_takes_once_to_twice_the_latency() {
    let latency = Duration::from_millis(100);
    let plan = Plan {
        clients: 1000,
        limit: 1000,
        latency,
        ..PLAN
    };
    let outcome = outcome(plan);
    let within = Duration::from_millis(1200)..Duration::from_millis(1400);
    assert!(within.contains(&outcome.half), "{:?}", outcome.half);
    assert!(within.contains(&outcome.took), "{:?}", outcome.took);
}

#[test]
fn what_is_lost_is_sent_again_and_two_runs_are_the_same() {
    let plan = Plan {
        clients: 1000,
        limit: 1000,
        loss: 0.5,
        ..PLAN
    };
    let (one, two) = (outcome(plan), outcome(plan));
    assert_eq!(one.answered, 1000);
    // Half of the messages get through, so each of 2000 is lost once on average.
    assert!((1700..2300).contains(&one.lost), "{}", one.lost);
    assert_eq!(
        (one.lost, one.took, one.half),
        (two.lost, two.took, two.half)
    );
    // Whoever had the worst luck waited 1, 2, 4 seconds and so on; they are whole seconds, since nothing else takes time.
    assert_eq!(one.took.subsec_nanos(), 0);
}
