//! Documents that were asked for lately, bounded in number and in bytes. What was not asked for longest goes first.

use std::sync::Arc;

use lru::LruCache;

use super::{Document, Hash};

const MOST_DOCUMENTS: usize = 1_000;
/// In bytes, as `weight` estimates them.
const MOST_WEIGHT: usize = 32 * 1024 * 1024;
/// One document takes at most this part of it all.
const SHARE: usize = 4;

/// Bytes that a parsed document takes at most, from the length of its text and the selections in it. Each part of a
/// tree is many times larger than the letters it was read from.
pub fn weight(text: usize, selections: u64) -> usize {
    let selections = usize::try_from(selections).unwrap_or(usize::MAX);
    text.saturating_mul(40).saturating_add(selections.saturating_mul(400))
}

#[derive(Debug)]
pub struct Cache {
    documents: LruCache<Hash, Arc<Document>>,
    weight: usize,
}

impl Default for Cache {
    fn default() -> Self {
        Self { documents: LruCache::unbounded(), weight: 0 }
    }
}

impl Cache {
    pub fn get(&mut self, hash: &Hash) -> Option<Arc<Document>> {
        self.documents.get(hash).cloned()
    }

    pub fn put(&mut self, hash: Hash, document: &Arc<Document>) {
        if document.weight > MOST_WEIGHT / SHARE {
            return;
        }
        self.weight += document.weight;
        if let Some(replaced) = self.documents.put(hash, Arc::clone(document)) {
            self.weight -= replaced.weight;
        }
        while self.documents.len() > MOST_DOCUMENTS || self.weight > MOST_WEIGHT {
            let Some((_, oldest)) = self.documents.pop_lru() else { break };
            self.weight -= oldest.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::DocumentHash;
    use super::*;

    fn document(weight: usize) -> Arc<Document> {
        let parsed = async_graphql::parser::parse_query("{ a }").unwrap();
        Arc::new(Document { parsed, hash: DocumentHash([0; 32]), is_priced_by_variables: false, weight })
    }

    fn hash(number: usize) -> Hash {
        let mut hash = Hash::default();
        hash[..8].copy_from_slice(&number.to_be_bytes());
        hash
    }

    #[test]
    fn what_was_not_asked_for_longest_goes_first() {
        let mut cache = Cache::default();
        for number in 0..MOST_DOCUMENTS {
            cache.put(hash(number), &document(1));
        }
        assert!(cache.get(&hash(0)).is_some());

        cache.put(hash(MOST_DOCUMENTS), &document(1));

        assert_eq!(cache.documents.len(), MOST_DOCUMENTS);
        assert!(cache.get(&hash(0)).is_some() && cache.get(&hash(1)).is_none());
    }

    #[test]
    fn heavy_documents_push_out_the_others() {
        let mut cache = Cache::default();
        let heavy = MOST_WEIGHT / SHARE;
        for number in 0..=SHARE {
            cache.put(hash(number), &document(heavy));
        }
        assert_eq!((cache.documents.len(), cache.weight), (SHARE, MOST_WEIGHT));
        cache.put(hash(SHARE), &document(heavy));
        assert_eq!((cache.documents.len(), cache.weight), (SHARE, MOST_WEIGHT));
    }

    #[test]
    fn a_document_too_heavy_is_not_kept() {
        let mut cache = Cache::default();
        cache.put(hash(1), &document(MOST_WEIGHT / SHARE + 1));
        assert!(cache.get(&hash(1)).is_none());
    }
}
