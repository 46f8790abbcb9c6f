//! The children of a gather: vectors, arrays and tuples of coroutines, tasks and promises.

use crate::awaitable::{Awaitable, Spawner};
use crate::error::{ChildError, LoopError, TaskError};
use crate::header::Watched;
use crate::promise::Promise;

/// The promises of several children, whatever their types.
#[doc(hidden)]
pub trait Promises: 'static {
    fn count(&self) -> usize;
    fn watched(&self, index: usize) -> Watched;
}

/// What [`gather`](crate::gather) takes: a vector or an array of awaitables of one type, or a tuple of up to eight of
/// different types.
pub trait Children {
    /// A promise for each child.
    #[doc(hidden)]
    type Promises: Promises;
    /// The children's values.
    type Values;
    /// The children's outcomes one by one.
    type Results;

    #[doc(hidden)]
    #[track_caller]
    fn start(self, spawner: &Spawner) -> Result<Self::Promises, LoopError>;
    #[doc(hidden)]
    fn results(promises: &Self::Promises) -> Self::Results;
    /// The values, or the first error in the order of the arguments.
    #[doc(hidden)]
    fn values(promises: &Self::Promises) -> Result<Self::Values, TaskError>;
    /// Why the child at `index` has no value.
    #[doc(hidden)]
    fn error(promises: &Self::Promises, index: usize) -> TaskError;
}

/// Children whose values are `Result`s with one type of error: what [`try_gather`](crate::try_gather) takes.
pub trait TryChildren: Children {
    /// What a child fails with.
    type Error;
    /// The values of children that all went well.
    type Successes;

    /// Whether the value of the child at `index`, which has one, is an error.
    #[doc(hidden)]
    fn failed(promises: &Self::Promises, index: usize) -> bool;
    #[doc(hidden)]
    fn try_error(promises: &Self::Promises, index: usize) -> ChildError<Self::Error>;
    #[doc(hidden)]
    fn successes(promises: &Self::Promises) -> Result<Self::Successes, ChildError<Self::Error>>;
}

fn error<A: Awaitable>(promise: &Promise<A::Value>) -> TaskError {
    A::fetch(promise).err().unwrap_or(TaskError::Taken)
}

fn success<A, V, E>(promise: &Promise<A::Value>) -> Result<V, ChildError<E>>
where
    A: Awaitable<Value = Result<V, E>>,
{
    match A::fetch(promise) {
        Ok(value) => value.map_err(ChildError::Failed),
        Err(error) => Err(ChildError::Task(error)),
    }
}

fn failure<A, V, E>(promise: &Promise<A::Value>) -> ChildError<E>
where
    A: Awaitable<Value = Result<V, E>>,
{
    match success::<A, V, E>(promise) {
        Err(error) => error,
        Ok(_) => ChildError::Task(TaskError::Taken),
    }
}

fn has_failed<V: 'static, E: 'static>(promise: &Promise<Result<V, E>>) -> bool {
    !matches!(&*promise.cell.outcome(), Ok(Ok(_)))
}

impl<T: 'static> Promises for Vec<Promise<T>> {
    fn count(&self) -> usize {
        self.len()
    }

    fn watched(&self, index: usize) -> Watched {
        Watched(self[index].cell.clone())
    }
}

impl<A: Awaitable> Children for Vec<A> {
    type Promises = Vec<Promise<A::Value>>;
    type Values = Vec<A::Value>;
    type Results = Vec<Result<A::Value, TaskError>>;

    fn start(self, spawner: &Spawner) -> Result<Self::Promises, LoopError> {
        let mut promises = Vec::with_capacity(self.len());
        for child in self {
            promises.push(child.into_promise(spawner)?);
        }
        Ok(promises)
    }

    fn results(promises: &Self::Promises) -> Self::Results {
        promises.iter().map(A::fetch).collect()
    }

    fn values(promises: &Self::Promises) -> Result<Self::Values, TaskError> {
        promises.iter().map(A::fetch).collect()
    }

    fn error(promises: &Self::Promises, index: usize) -> TaskError {
        error::<A>(&promises[index])
    }
}

impl<A: Awaitable<Value = Result<V, E>>, V: 'static, E: 'static> TryChildren for Vec<A> {
    type Error = E;
    type Successes = Vec<V>;

    fn failed(promises: &Self::Promises, index: usize) -> bool {
        has_failed(&promises[index])
    }

    fn try_error(promises: &Self::Promises, index: usize) -> ChildError<E> {
        failure::<A, V, E>(&promises[index])
    }

    fn successes(promises: &Self::Promises) -> Result<Vec<V>, ChildError<E>> {
        promises.iter().map(success::<A, V, E>).collect()
    }
}

/// An array is a vector whose length is known.
fn to_array<T, const N: usize>(values: Vec<T>) -> [T; N] {
    match values.try_into() {
        Ok(array) => array,
        Err(_) => unreachable!("N children have N results"),
    }
}

impl<A: Awaitable, const N: usize> Children for [A; N] {
    type Promises = Vec<Promise<A::Value>>;
    type Values = [A::Value; N];
    type Results = [Result<A::Value, TaskError>; N];

    fn start(self, spawner: &Spawner) -> Result<Self::Promises, LoopError> {
        Vec::from(self).start(spawner)
    }

    fn results(promises: &Self::Promises) -> Self::Results {
        to_array(Vec::<A>::results(promises))
    }

    fn values(promises: &Self::Promises) -> Result<Self::Values, TaskError> {
        Vec::<A>::values(promises).map(to_array)
    }

    fn error(promises: &Self::Promises, index: usize) -> TaskError {
        error::<A>(&promises[index])
    }
}

impl<A, V, E, const N: usize> TryChildren for [A; N]
where
    A: Awaitable<Value = Result<V, E>>,
    V: 'static,
    E: 'static,
{
    type Error = E;
    type Successes = [V; N];

    fn failed(promises: &Self::Promises, index: usize) -> bool {
        has_failed(&promises[index])
    }

    fn try_error(promises: &Self::Promises, index: usize) -> ChildError<E> {
        failure::<A, V, E>(&promises[index])
    }

    fn successes(promises: &Self::Promises) -> Result<[V; N], ChildError<E>> {
        Vec::<A>::successes(promises).map(to_array)
    }
}

macro_rules! tuples {
    ($(($($A:ident $V:ident $i:tt),+))*) => {$(
        impl<$($V: 'static),+> Promises for ($(Promise<$V>,)+) {
            fn count(&self) -> usize {
                [$($i),+].len()
            }

            fn watched(&self, index: usize) -> Watched {
                match index {
                    $($i => Watched(self.$i.cell.clone()),)+
                    _ => unreachable!("there are only {} children", self.count()),
                }
            }
        }

        impl<$($A: Awaitable),+> Children for ($($A,)+) {
            type Promises = ($(Promise<$A::Value>,)+);
            type Values = ($($A::Value,)+);
            type Results = ($(Result<$A::Value, TaskError>,)+);

            fn start(self, spawner: &Spawner) -> Result<Self::Promises, LoopError> {
                Ok(($(self.$i.into_promise(spawner)?,)+))
            }

            fn results(promises: &Self::Promises) -> Self::Results {
                ($($A::fetch(&promises.$i),)+)
            }

            fn values(promises: &Self::Promises) -> Result<Self::Values, TaskError> {
                Ok(($($A::fetch(&promises.$i)?,)+))
            }

            fn error(promises: &Self::Promises, index: usize) -> TaskError {
                match index {
                    $($i => error::<$A>(&promises.$i),)+
                    _ => TaskError::Taken,
                }
            }
        }

        impl<X: 'static, $($A, $V: 'static),+> TryChildren for ($($A,)+)
        where
            $($A: Awaitable<Value = Result<$V, X>>),+
        {
            type Error = X;
            type Successes = ($($V,)+);

            fn failed(promises: &Self::Promises, index: usize) -> bool {
                match index {
                    $($i => has_failed(&promises.$i),)+
                    _ => false,
                }
            }

            fn try_error(promises: &Self::Promises, index: usize) -> ChildError<X> {
                match index {
                    $($i => failure::<$A, $V, X>(&promises.$i),)+
                    _ => ChildError::Task(TaskError::Taken),
                }
            }

            fn successes(promises: &Self::Promises) -> Result<Self::Successes, ChildError<X>> {
                Ok(($(success::<$A, $V, X>(&promises.$i)?,)+))
            }
        }
    )*};
}

tuples! {
    (A VA 0)
    (A VA 0, B VB 1)
    (A VA 0, B VB 1, C VC 2)
    (A VA 0, B VB 1, C VC 2, D VD 3)
    (A VA 0, B VB 1, C VC 2, D VD 3, E VE 4)
    (A VA 0, B VB 1, C VC 2, D VD 3, E VE 4, F VF 5)
    (A VA 0, B VB 1, C VC 2, D VD 3, E VE 4, F VF 5, G VG 6)
    (A VA 0, B VB 1, C VC 2, D VD 3, E VE 4, F VF 5, G VG 6, H VH 7)
}
