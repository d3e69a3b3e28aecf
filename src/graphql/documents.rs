//! Known documents: what was parsed and judged before, what clients registered by its hash, and what the operator
//! trusts.
//!
//! [`Documents::admit`] is the one way from a request to its execution. It finds or parses the document and lets the
//! guard judge it; whoever runs a request calls it first, on every transport.

mod cache;
mod manifest;
#[cfg(test)]
mod tests;
mod variables;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition};
use async_graphql::{ErrorExtensionValues, Request, ServerError, Value, Variables};
use sha2::{Digest, Sha256};

use super::guard::{self, GuardError};
use super::presence;
use cache::Cache;
pub use manifest::ManifestError;

/// SHA-256 of a document's text.
pub type Hash = [u8; 32];

/// The same, as a request carries it once it is admitted.
#[derive(Debug, Clone, Copy)]
pub struct DocumentHash(pub Hash);

/// The Apollo protocol's member of `extensions`.
const PERSISTED_QUERY: &str = "persistedQuery";
const SHA256_PREFIX: &str = "sha256:";

/// A document that can be parsed and that the guard lets through.
#[derive(Debug)]
pub struct Document {
    parsed: ExecutableDocument,
    hash: DocumentHash,
    /// A variable sizes a page, so the price is another for each request.
    is_priced_by_variables: bool,
    /// About how many bytes it takes.
    weight: usize,
}

/// What a client wants to run, as sent.
#[derive(Debug)]
pub struct Asked {
    /// Its `query` is empty when the document is only named.
    pub request: Request,
    /// `documentId`.
    pub id: Option<String>,
}

/// Why a request is not executed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refused {
    /// The document cannot be parsed; the error says where.
    #[error("{0}")]
    Unparsed(ServerError),
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// A variable that the operation needs is missing; the error says which.
    #[error("{0}")]
    Variable(ServerError),
    /// Registered queries: send the text along and it will be known.
    #[error("PersistedQueryNotFound")]
    NotFound,
    /// This caller cannot register queries.
    #[error("PersistedQueryNotSupported")]
    NotSupported,
    #[error("no trusted document has this `documentId`")]
    UnknownId,
    #[error("this role may only send trusted documents")]
    Untrusted,
    /// The parameters contradict each other or miss something.
    #[error("{0}")]
    Malformed(&'static str),
}

impl Refused {
    /// The word for clients in `extensions.code`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unparsed(_) | Self::Variable(_) | Self::Malformed(_) => "BAD_INPUT",
            Self::Guard(error) => error.code(),
            Self::NotFound | Self::UnknownId => "PERSISTED_QUERY_NOT_FOUND",
            Self::NotSupported => "PERSISTED_QUERY_NOT_SUPPORTED",
            Self::Untrusted => "FORBIDDEN",
        }
    }
}

/// As clients see it: with its code, and with the numbers of the limit that was passed.
impl From<Refused> for ServerError {
    fn from(refused: Refused) -> Self {
        let code = refused.code();
        let exceeded = match &refused {
            Refused::Guard(error) => error.exceeded(),
            _ => None,
        };
        let mut error = match refused {
            Refused::Unparsed(error) | Refused::Variable(error) => error,
            other => Self::new(other.to_string(), None),
        };
        let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        extensions.set("code", code);
        if let Some((limit, allowed, actual)) = exceeded {
            extensions.set("limit", limit.word());
            extensions.set("allowed", allowed);
            extensions.set("actual", actual);
        }
        error
    }
}

/// Which document a request names.
enum Named {
    Text,
    /// Apollo: its hash, or the id that a manifest gives it; the text may stand beside it.
    Registered(String),
    Id(String),
}

/// The documents of one process.
#[derive(Debug, Default)]
pub struct Documents {
    trusted: Trusted,
    recent: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Trusted {
    by_id: HashMap<String, Arc<Document>>,
    by_hash: HashMap<Hash, Arc<Document>>,
}

impl Documents {
    /// With a manifest of trusted documents.
    pub fn trusting(manifest: &str) -> Result<Self, ManifestError> {
        let mut trusted = Trusted::default();
        for (id, text) in manifest::read(manifest)? {
            let document = Document::new(&text, &Variables::default());
            let document = document.map_err(|why| ManifestError::Unfit { id: id.clone(), why: why.to_string() })?;
            let document = Arc::new(document);
            trusted.by_hash.insert(hash(&text), Arc::clone(&document));
            trusted.by_id.insert(id, document);
        }
        Ok(Self { trusted, recent: Mutex::default() })
    }

    /// How many documents are trusted.
    pub fn trusted(&self) -> usize {
        self.trusted.by_id.len()
    }

    /// Finds or parses what is asked for and judges it. The request that comes back carries the parsed document.
    /// `trusted_only`: nothing but the manifest's documents will do.
    pub fn admit(&self, asked: Asked, trusted_only: bool) -> Result<Request, Refused> {
        let named = asked.named()?;
        let Asked { mut request, .. } = asked;
        let document = match named {
            Named::Id(id) => self.by_id(&id, trusted_only).ok_or(Refused::UnknownId)?,
            Named::Registered(name) if request.query.is_empty() => match self.by_name(&name, trusted_only) {
                Some(document) => document,
                None if trusted_only => return Err(Refused::NotSupported),
                None => return Err(Refused::NotFound),
            },
            Named::Registered(name) => {
                let hash = hash(&request.query);
                if from_hex(&name) != Some(hash) {
                    return Err(Refused::Malformed("provided sha does not match query"));
                }
                self.by_text(hash, &request, trusted_only)?
            }
            Named::Text => self.by_text(hash(&request.query), &request, trusted_only)?,
        };
        if document.is_priced_by_variables {
            guard::check(&document.parsed, &request.variables)?;
        }
        let operation = request.operation_name.as_deref();
        if let Some(mistake) = variables::mistake(&document.parsed, operation, &request.variables) {
            return Err(Refused::Variable(mistake));
        }
        request.set_parsed_query(document.parsed.clone());
        Ok(request.data(document.hash))
    }

    /// A request that was admitted before, as it was then; None where its document is known no longer.
    pub fn again(&self, hash: Hash, operation: Option<&str>, variables: Variables) -> Option<Request> {
        let trusted = self.trusted.by_hash.get(&hash).cloned();
        let document = trusted.or_else(|| self.lock().get(&hash))?;
        let mut request = Request::new("").variables(variables).data(document.hash);
        request.operation_name = operation.map(str::to_owned);
        request.set_parsed_query(document.parsed.clone());
        Some(request)
    }

    fn by_id(&self, id: &str, trusted_only: bool) -> Option<Arc<Document>> {
        match id.strip_prefix(SHA256_PREFIX) {
            Some(hash) => self.by_name(hash, trusted_only),
            None => self.trusted.by_id.get(id).cloned(),
        }
    }

    /// By the id in the manifest, or by the hash of the text.
    fn by_name(&self, name: &str, trusted_only: bool) -> Option<Arc<Document>> {
        if let Some(document) = self.trusted.by_id.get(name) {
            return Some(Arc::clone(document));
        }
        let hash = from_hex(name)?;
        let trusted = self.trusted.by_hash.get(&hash).cloned();
        trusted.or_else(|| if trusted_only { None } else { self.lock().get(&hash) })
    }

    fn by_text(&self, hash: Hash, request: &Request, trusted_only: bool) -> Result<Arc<Document>, Refused> {
        if let Some(document) = self.trusted.by_hash.get(&hash) {
            return Ok(Arc::clone(document));
        }
        if trusted_only {
            return Err(Refused::Untrusted);
        }
        if let Some(document) = self.lock().get(&hash) {
            return Ok(document);
        }
        let document = Arc::new(Document::new(&request.query, &request.variables)?);
        self.lock().put(hash, &document);
        Ok(document)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The operation of this name; without a name the only one, whether it has a name itself or not.
pub fn chosen<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Option<&'a OperationDefinition> {
    let operation = match (&document.operations, name) {
        (DocumentOperations::Single(single), None) => Some(single),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(many), Some(name)) => many.get(name),
        (DocumentOperations::Multiple(many), None) => many.values().next().filter(|_| many.len() == 1),
    };
    operation.map(|operation| &operation.node)
}

impl Document {
    fn new(text: &str, variables: &Variables) -> Result<Self, Refused> {
        let mut parsed = parse_query(text).map_err(|error| Refused::Unparsed(brief(error.into())))?;
        let hash = DocumentHash(hash(text));
        let judged = guard::check(&parsed, variables)?;
        presence::mark(&mut parsed);
        let weight = cache::weight(text.len(), judged.selections_written);
        Ok(Self { parsed, hash, is_priced_by_variables: judged.is_priced_by_variables, weight })
    }
}

/// The parser's message repeats the line at fault, which may be the whole document and hold a key: what it expected is
/// enough.
fn brief(mut error: ServerError) -> ServerError {
    if let Some((_, expected)) = error.message.rsplit_once("\n  = ") {
        error.message = format!("Syntax error: {}", expected.replace('_', " "));
    } else if error.message.contains('\n') {
        "Syntax error".clone_into(&mut error.message);
    }
    error
}

impl Asked {
    fn named(&self) -> Result<Named, Refused> {
        let registered = self.registered()?;
        let has_text = !self.request.query.is_empty();
        match (&self.id, registered) {
            (Some(_), Some(_)) => Err(Refused::Malformed("give `documentId` or `persistedQuery`, not both")),
            (Some(_), None) if has_text => Err(Refused::Malformed("give `query` or `documentId`, not both")),
            (Some(id), None) => Ok(Named::Id(id.clone())),
            (None, Some(hash)) => Ok(Named::Registered(hash)),
            (None, None) if has_text => Ok(Named::Text),
            (None, None) => Err(Refused::Malformed("the parameter `query` is missing")),
        }
    }

    /// The hash in the Apollo protocol's extension.
    fn registered(&self) -> Result<Option<String>, Refused> {
        let Some(value) = self.request.extensions.get(PERSISTED_QUERY) else { return Ok(None) };
        let Value::Object(members) = value else {
            return Err(Refused::Malformed("the extension `persistedQuery` must be an object"));
        };
        if members.get("version") != Some(&Value::from(1)) {
            return Err(Refused::Malformed("Unsupported persisted query version"));
        }
        match members.get("sha256Hash") {
            Some(Value::String(hash)) => Ok(Some(hash.clone())),
            _ => Err(Refused::Malformed("the extension `persistedQuery` needs a `sha256Hash`")),
        }
    }
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text).into()
}

fn from_hex(text: &str) -> Option<Hash> {
    let digits = text.as_bytes();
    let mut bytes = Hash::default();
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? * 16 + low?).ok()?;
    }
    Some(bytes)
}
