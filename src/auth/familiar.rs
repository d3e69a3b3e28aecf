//! Tokens that opened the door before: whoever presents one again is not guessing.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

/// Those used last.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();

/// By fingerprint. Clones are one.
#[derive(Debug, Clone)]
pub struct Familiar(Arc<Mutex<LruCache<String, ()>>>);

impl Default for Familiar {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(REMEMBERED))))
    }
}

impl Familiar {
    pub fn knows(&self, fingerprint: &str) -> bool {
        self.all().get(fingerprint).is_some()
    }

    /// One that does not open any more is forgotten.
    pub fn note(&self, fingerprint: &str, opens: bool) {
        let mut all = self.all();
        if !opens {
            all.pop(fingerprint);
        } else if all.get(fingerprint).is_none() {
            all.put(fingerprint.to_owned(), ());
        }
    }

    fn all(&self) -> std::sync::MutexGuard<'_, LruCache<String, ()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_used_last_are_known_until_they_fail() {
        let familiar = Familiar::default();
        assert!(!familiar.knows("a"));
        familiar.note("a", true);
        for number in 0..2 * REMEMBERED.get() {
            familiar.note(&number.to_string(), true);
            assert!(familiar.knows("a"));
        }
        assert!(!familiar.knows("0"));
        assert_eq!(familiar.all().len(), REMEMBERED.get());
        familiar.note("a", false);
        assert!(!familiar.knows("a"));
    }
}
