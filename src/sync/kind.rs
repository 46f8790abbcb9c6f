//! What is waited for: one byte in each place of a wait list.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Event,
    Lock,
    Condition,
    Barrier,
    Semaphore,
    BoundedSemaphore,
    Queue,
    LifoQueue,
    PriorityQueue,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Event => "Event",
            Kind::Lock => "Lock",
            Kind::Condition => "Condition",
            Kind::Barrier => "Barrier",
            Kind::Semaphore => "Semaphore",
            Kind::BoundedSemaphore => "BoundedSemaphore",
            Kind::Queue => "Queue",
            Kind::LifoQueue => "LifoQueue",
            Kind::PriorityQueue => "PriorityQueue",
        }
    }
}
