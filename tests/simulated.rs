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

#[test]
fn ninety_nine_of_five_is_the_fifth() {
    let plan = Plan {
        clients: 5,
        limit: 1,
        ..PLAN
    };
    let outcome = outcome(plan);
    assert_eq!(outcome.half, Duration::from_secs(3));
    assert_eq!(
        (outcome.most, outcome.took),
        (outcome.took, Duration::from_secs(5))
    );
}

#[test]
fn a_message_that_is_lost_too_often_fails_its_request() {
    let plan = Plan {
        clients: 1000,
        limit: 1000,
        loss: 0.9,
        ..PLAN
    };
    let outcome = outcome(plan);
    assert_eq!(outcome.answered + outcome.failed, 1000);
    // Of ten messages eight get through within 16 attempts, and a request takes two.
    assert!(
        (600..730).contains(&outcome.answered),
        "{}",
        outcome.answered
    );
    // 1, 2, 4, 8, 16, 32, and ten times 60 s for each of the two, and the server.
    assert!(
        outcome.took <= Duration::from_secs(2 * 663 + 1),
        "{:?}",
        outcome.took
    );
}

#[test]
fn race_ends_with_a_table_when_nearly_everything_is_lost() {
    let mut race = support::sibling::example("race").unwrap();
    let race = race.args(["--simulate", "1000", "--loss", "90"]).output();
    let output = race.unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(output.status.success());
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        table.lines().count() == 4 && table.contains(" failed"),
        "{table}"
    );
}

#[test]
fn one_is_not_written_as_many_and_json_has_the_whole_plan() {
    let race = |args: &[&str]| {
        let mut race = support::sibling::example("race").unwrap();
        let output = race
            .args(["--simulate", "1", "--loss", "0"])
            .args(args)
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let table = race(&["--limit", "1"]);
    assert!(
        table.starts_with(
            "1 client, 1 answer from 1 server; each works on up to 1 request at a time, for 0.1 s"
        ),
        "{table}"
    );
    let line: serde_json::Value = serde_json::from_str(&race(&["--json"])).unwrap();
    for (name, value) in [
        ("limit", 10_000.0),
        ("loss", 0.0),
        ("latency_s", 0.02),
        ("delay_s", 0.1),
        ("failed", 0.0),
    ] {
        assert_eq!(line[name].as_f64(), Some(value), "{name}");
    }
}
