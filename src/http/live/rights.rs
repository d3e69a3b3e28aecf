//! The end of rights while a connection is open.

use std::sync::Arc;
use std::time::Duration;

use crate::http::CallerSession;

/// Returns once the session's rights have ended. A token store that does not answer ends nothing.
pub async fn ended(session: Arc<dyn CallerSession>, look_every: Duration) {
    while !matches!(session.is_current().await, Ok(false)) {
        tokio::time::sleep(look_every).await;
    }
}
