//! People and invitations as `/orgs/{id}/users` lists them in version 2025-02-19.

use serde_json::{Value, json};

use super::id;

/// A user body under construction.
#[derive(Debug, Clone)]
pub struct Member {
    body: Value,
}

/// Somebody who has joined and signed in; `ORG_MEMBER` until told otherwise.
pub fn user(login: &str, first: &str, last: &str) -> Member {
    let mut body = base(login, "ACTIVE");
    body["country"] = json!("DE");
    body["createdAt"] = json!("2023-05-04T07:45:10Z");
    body["firstName"] = json!(first);
    body["lastName"] = json!(last);
    body["lastAuth"] = json!("2026-06-18T06:12:44Z");
    body["mobileNumber"] = json!(null);
    Member { body }
}

/// An invitation in this state: `PENDING`, `INVITATION_EXPIRED` or `INVITATION_REJECTED`.
pub fn invitation(login: &str, status: &str) -> Member {
    let mut body = base(login, status);
    body["invitationCreatedAt"] = json!("2026-06-20T10:00:00Z");
    body["invitationExpiresAt"] =
        if status == "INVITATION_REJECTED" { json!(null) } else { json!("2026-07-20T10:00:00Z") };
    body["inviterUsername"] = json!("nwwriter");
    Member { body }
}

fn base(login: &str, status: &str) -> Value {
    json!({
        "id": id(&format!("user/{login}")),
        "orgMembershipStatus": status,
        "roles": { "groupRoleAssignments": [], "orgRoles": ["ORG_MEMBER"] },
        "teamIds": [],
        "username": login,
    })
}

impl Member {
    /// The roles in the organization, in place of `ORG_MEMBER`.
    #[must_use]
    pub fn roles(mut self, roles: &[&str]) -> Self {
        self.body["roles"]["orgRoles"] = json!(roles);
        self
    }

    /// Roles of this member's own in a project.
    #[must_use]
    pub fn project_roles(mut self, project: &str, roles: &[&str]) -> Self {
        if let Some(assignments) = self.body["roles"]["groupRoleAssignments"].as_array_mut() {
            assignments.push(json!({ "groupId": project, "groupRoles": roles }));
        }
        self
    }

    /// Joins a team made by [`super::team`].
    #[must_use]
    pub fn team(mut self, name: &str) -> Self {
        if let Some(teams) = self.body["teamIds"].as_array_mut() {
            teams.push(json!(id(&format!("team/{name}"))));
        }
        self
    }

    /// Has joined and never signed in: Atlas leaves the field out.
    #[must_use]
    pub fn never_signed_in(mut self) -> Self {
        if let Some(fields) = self.body.as_object_mut() {
            fields.remove("lastAuth");
        }
        self
    }

    /// Sets a top-level field, to anything.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.body[name] = value.into();
        self
    }

    pub fn body(&self) -> Value {
        self.body.clone()
    }
}
