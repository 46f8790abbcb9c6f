//! The chapter's "how many CPUs": the default number of workers of a process pool.
//! Run: cargo run --example cpu_count
//! Predict: the number of processors in this machine.
//! Expect: that number or a smaller one: only the CPUs that this process may use are counted.
//! Look: `std::thread::available_parallelism`, which is what glassloop::cpu_count asks.
//! Change: on Linux run the program under `taskset -c 0`; does work that only waits need more CPUs than one?

mod support;

use support::args::Args;

fn main() {
    Args::read("Prints how many CPUs this process may use.", &[]);
    println!("glassloop::cpu_count(): {}", glassloop::cpu_count());
}
