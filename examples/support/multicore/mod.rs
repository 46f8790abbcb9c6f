//! The parts of `multicore_server`.

pub mod loops;
pub mod measure;
pub mod serve;
