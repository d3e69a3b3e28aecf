//! How many connections each token has open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::CONNECTIONS;

#[derive(Clone, Default)]
pub struct Connections(Arc<Mutex<HashMap<String, usize>>>);

impl Connections {
    /// Counts one more until it is dropped; None when there are too many.
    pub fn open(&self, holder: &str) -> Option<Connection> {
        let mut counts = self.counts();
        let count = counts.entry(holder.to_owned()).or_default();
        if *count >= CONNECTIONS {
            return None;
        }
        *count += 1;
        Some(Connection { all: self.clone(), holder: holder.to_owned() })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open connection.
pub struct Connection {
    all: Connections,
    holder: String,
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut counts = self.all.counts();
        if let Some(count) = counts.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_its_own_count_which_falls_again() {
        let connections = Connections::default();
        let mut open: Vec<_> = (0..CONNECTIONS).map(|_| connections.open("a").unwrap()).collect();
        assert!(connections.open("a").is_none());
        assert!(connections.open("b").is_some());
        open.pop();
        assert!(connections.open("a").is_some());
        drop(open);
        assert!(connections.counts().is_empty());
    }
}
