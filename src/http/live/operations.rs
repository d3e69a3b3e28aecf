//! The operations of one connection, by the ids that its client gives them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream::{AbortHandle, Abortable, BoxStream, SelectAll, StreamExt as _};

use super::{OPERATIONS, Told};

/// What an operation tells, with its id.
pub type Tagged = BoxStream<'static, (Arc<str>, Told)>;

/// The ids in use. Clones are one.
#[derive(Clone, Default)]
pub struct Slots(Arc<Mutex<HashMap<Arc<str>, AbortHandle>>>);

/// What becomes of an operation that asks for a place.
pub enum Admission {
    /// To be given to [`Operations::run`].
    Admitted(Tagged),
    /// Its id is in use.
    Duplicate,
    /// The connection has as many as it may.
    Full,
}

impl Slots {
    pub fn admit(&self, id: &str, told: BoxStream<'static, Told>) -> Admission {
        let mut taken = self.taken();
        if taken.contains_key(id) {
            return Admission::Duplicate;
        }
        if taken.len() >= OPERATIONS {
            return Admission::Full;
        }
        let id: Arc<str> = id.into();
        let (handle, registration) = AbortHandle::new_pair();
        taken.insert(Arc::clone(&id), handle);
        let tagged = told.map(move |told| (Arc::clone(&id), told));
        Admission::Admitted(Abortable::new(tagged, registration).boxed())
    }

    /// Stops an operation: nothing of it will be told any more. An unknown one may just have ended.
    pub fn stop(&self, id: &str) {
        if let Some(handle) = self.taken().remove(id) {
            handle.abort();
        }
    }

    /// The ids in use.
    pub fn ids(&self) -> Vec<Arc<str>> {
        self.taken().keys().cloned().collect()
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Arc<str>, AbortHandle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The operations that run.
#[derive(Default)]
pub struct Operations {
    pub slots: Slots,
    running: SelectAll<Tagged>,
}

impl Operations {
    pub fn of(slots: Slots) -> Self {
        Self { slots, running: SelectAll::new() }
    }

    pub fn run(&mut self, admitted: Tagged) {
        self.running.push(admitted);
    }

    /// What one of them tells next. Waits for ever while there is none; dropping the wait loses nothing.
    pub async fn next(&mut self) -> (Arc<str>, Told) {
        let Some((id, told)) = self.running.next().await else { return std::future::pending().await };
        if !matches!(told, Told::Next(_)) {
            self.slots.taken().remove(&id);
        }
        (id, told)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, stream};

    use super::*;

    fn once() -> BoxStream<'static, Told> {
        stream::iter([Told::Next("1".to_owned()), Told::Complete]).boxed()
    }

    fn start(operations: &mut Operations, id: &str, told: BoxStream<'static, Told>) {
        match operations.slots.admit(id, told) {
            Admission::Admitted(admitted) => operations.run(admitted),
            Admission::Duplicate | Admission::Full => panic!("{id} was not admitted"),
        }
    }

    #[test]
    fn an_id_is_free_again_after_the_end() {
        let mut operations = Operations::default();
        start(&mut operations, "a", once());
        assert!(matches!(operations.slots.admit("a", once()), Admission::Duplicate));
        assert_eq!(operations.next().now_or_never(), Some(("a".into(), Told::Next("1".to_owned()))));
        assert!(matches!(operations.slots.admit("a", once()), Admission::Duplicate));
        assert_eq!(operations.next().now_or_never(), Some(("a".into(), Told::Complete)));
        start(&mut operations, "a", once());
    }

    #[test]
    fn nothing_is_told_of_an_operation_that_was_stopped() {
        let mut operations = Operations::default();
        start(&mut operations, "a", once());
        operations.slots.stop("a");
        start(&mut operations, "a", stream::iter([Told::Complete]).boxed());
        assert_eq!(operations.next().now_or_never(), Some(("a".into(), Told::Complete)));
        assert_eq!(operations.next().now_or_never(), None);
    }

    #[test]
    fn the_number_of_operations_is_bounded() {
        let mut operations = Operations::default();
        for id in 0..OPERATIONS {
            start(&mut operations, &id.to_string(), stream::pending().boxed());
        }
        assert!(matches!(operations.slots.admit("more", once()), Admission::Full));
        operations.slots.stop("0");
        start(&mut operations, "more", once());
    }
}
