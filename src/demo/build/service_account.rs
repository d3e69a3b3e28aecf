//! Service accounts as `/orgs/{id}/serviceAccounts` and `/groups/{id}/serviceAccounts` list them.

use serde_json::{Value, json};

use super::id;

/// A service account with these roles, of the organization or of the project whose list it goes into.
pub fn service_account(name: &str, description: &str, roles: &[&str]) -> Value {
    json!({
        "clientId": format!("mdb_sa_id_{}", id(&format!("service-account/{name}"))),
        "createdAt": "2024-10-01T12:00:00Z",
        "description": description,
        "name": name,
        "roles": roles,
        "secrets": [{
            "createdAt": "2026-05-02T12:00:00Z",
            "expiresAt": "2035-05-02T12:00:00Z",
            "id": id(&format!("secret/{name}")),
            "lastUsedAt": "2026-06-30T23:59:00Z",
            "maskedSecretValue": "mdb_sa_sk_...0000",
        }],
    })
}
