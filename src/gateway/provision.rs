//! Callers as identity providers.

use super::service::Session;
use crate::http::{Pending, Provisioner, RequestId};
use crate::scim::{Answer, Asked, ScimError};
use crate::store::StoreError;
use crate::store::audit::{Actor, AuditAction};
use crate::sync::{EngineError, ProvisionError};

impl Session {
    fn actor(&self, id: &RequestId) -> Actor {
        Actor { request_id: Some(id.as_str().to_owned()), ..self.caller.actor() }
    }

    pub(super) async fn note_refusal(&self, id: &RequestId) {
        let noted = self.state.engine.note_refusal(&self.actor(id), AuditAction::ProvisionPerson).await;
        if let Err(error) = noted {
            tracing::error!(request_id = id.as_str(), error = &error as &dyn std::error::Error, "refusal not noted");
        }
    }
}

impl Provisioner for Session {
    fn provision<'a>(&'a self, asked: Asked, id: &'a RequestId) -> Pending<'a, Result<Answer, ScimError>> {
        Box::pin(async move {
            let answered = self.state.engine.provision(&self.actor(id), asked).await;
            answered.map_err(|error| match error {
                ProvisionError::Refused(error) => error,
                ProvisionError::Failed(error) => failed(&error, id),
            })
        })
    }
}

/// The cause is logged and never told.
fn failed(error: &EngineError, id: &RequestId) -> ScimError {
    if let EngineError::Store(StoreError::Unavailable(outage, _)) = error {
        tracing::warn!(request_id = id.as_str(), error = error as &dyn std::error::Error, "store is unavailable");
        return ScimError::new(503, outage.to_string());
    }
    tracing::error!(request_id = id.as_str(), error = error as &dyn std::error::Error, "provisioning failed");
    ScimError::new(500, "Internal error.")
}
