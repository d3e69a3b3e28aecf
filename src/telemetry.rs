//! What operators see of the process: the log, metrics and traces. A leaf: it knows none of what it tells about.
//!
//! The log is text or JSON on standard error. Standard output belongs to the commands.

mod inert;
pub mod metrics;
pub mod traces;

use std::str::FromStr;

use inert::Inert;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// Crates that write whole messages of callers into the log, keys and tokens among them, when they are let.
const TOO_TALKATIVE: [&str; 2] = ["tungstenite", "tokio_tungstenite"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

pub fn is_filter(text: &str) -> bool {
    EnvFilter::try_new(text).is_ok()
}

/// Starts the log for the whole process; what is no filter counts as `info`. A second start is refused.
pub fn start(filter: &str, format: LogFormat) -> Result<(), TryInitError> {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let quiet = TOO_TALKATIVE.map(|name| Directive::from_str(&format!("{name}=warn")).expect("a name and a level"));
    let filter = quiet.into_iter().fold(filter, EnvFilter::add_directive);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    let log = log.with_writer(Inert::new(std::io::stderr));
    match format {
        LogFormat::Text => log.finish().try_init(),
        LogFormat::Json => log.json().flatten_event(true).finish().try_init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_told_from_nonsense() {
        assert!(is_filter("info,slategate::sync=debug"));
        assert!(!is_filter("slategate=loud"));
    }
}
