//! Who can sign in to Northwind Robotics: users, invitations, teams, keys and service accounts.

use serde_json::{Value, json};

use super::{ADA, BRUNO, CHIDI, DANA, EMIL, FARAH, commerce, fleet, lab, project_id, telemetry};
use crate::demo::build::{Member, invitation, service_account, team, user};
use crate::demo::keys::{MEMBER, PARTIAL, PROJECT_ONLY, READER, WRITER};
use crate::demo::model::{Key, KeyRole, Organization};

pub fn fill(organization: &mut Organization) {
    organization.users =
        colleagues().into_iter().chain(oddities()).chain(invitations()).map(|user| user.body()).collect();
    organization.teams = ["Platform", "Data Science", "On-call"].map(team).to_vec();
    organization.keys = keys();
    organization.service_accounts = service_accounts();
}

/// People of the register, under the addresses it knows.
fn colleagues() -> Vec<Member> {
    vec![
        user(ADA, "Ada", "Lindqvist").roles(&["ORG_MEMBER", "ORG_OWNER"]),
        user(BRUNO, "Bruno", "Castellano").roles(&["ORG_READ_ONLY"]).team("On-call"),
        user(CHIDI, "Chidi", "Okafor").project_roles(&project_id(fleet::NAME), &["GROUP_OWNER"]).team("Platform"),
        user(DANA, "Dana", "Whitfield")
            .project_roles(&project_id(telemetry::NAME), &["GROUP_DATA_ACCESS_ADMIN"])
            .team("Platform")
            .field("lastAuth", "2024-03-28T16:20:00Z"),
        user(EMIL, "Emil", "Novak").team("Data Science").field("lastAuth", "2025-02-03T09:15:00Z"),
        user(FARAH, "Farah", "Haddad").roles(&["ORG_GROUP_CREATOR"]).team("Platform").team("On-call"),
        // Atlas keeps the capitals that somebody typed.
        user("Isabel.Moreau@Northwind-Robotics.example", "Isabel", "Moreau").team("Data Science"),
        user("jonas.weber@northwind-robotics.example", "Jonas", "Weber")
            .roles(&["ORG_BILLING_READ_ONLY"])
            .never_signed_in(),
        user("keiko.tanaka+atlas@northwind-robotics.example", "Keiko", "Tanaka")
            .project_roles(&project_id(commerce::NAME), &["GROUP_DATA_ACCESS_READ_WRITE"]),
        user("hana@sato-consulting.example", "Hana", "Sato")
            .project_roles(&project_id(lab::NAME), &["GROUP_READ_ONLY"])
            .project_roles(&project_id(telemetry::NAME), &["GROUP_READ_ONLY"]),
    ]
}

/// Accounts that belong to nobody, or to two.
fn oddities() -> Vec<Member> {
    vec![
        user("platform@northwind-robotics.example", "Platform", "Mailbox").roles(&["ORG_OWNER"]).team("On-call"),
        user("contractor@freelance.example", "Sam", "Rivers")
            .project_roles(&project_id(commerce::NAME), &["GROUP_CLUSTER_MANAGER"])
            .field("lastAuth", "2025-01-09T08:00:00Z"),
        // The address without `+lab` would be somebody's; with it, it is nobody's.
        user("liam.byrne+lab@northwind-robotics.example", "Liam", "Byrne").team("Data Science"),
        user("build-bot@northwind-robotics.example", "Build", "Bot")
            .project_roles(&project_id(fleet::NAME), &["GROUP_DATA_ACCESS_READ_ONLY"])
            .never_signed_in(),
        user("auditor@oak-and-partners.example", "Robin", "Oak")
            .roles(&["ORG_READ_ONLY"])
            .field("teamIds", Value::Null),
        // A role that is not published yet.
        user("pilot@northwind-robotics.example", "Noor", "Pilot")
            .roles(&["ORG_MEMBER", "ORG_AI_PILOT"])
            .field("createdAt", json!(20_240_101)),
    ]
}

fn invitations() -> Vec<Member> {
    vec![
        invitation("liam.byrne@northwind-robotics.example", "PENDING").roles(&["ORG_READ_ONLY"]),
        invitation("goran.petrov@northwind-robotics.example", "PENDING").field("inviterUsername", ADA),
        invitation("trainee@northwind-robotics.example", "PENDING").team("Data Science"),
        invitation("early.bird@northwind-robotics.example", "INVITATION_EXPIRED"),
        invitation("mira.patel@northwind-robotics.example", "INVITATION_REJECTED"),
    ]
}

fn keys() -> Vec<Key> {
    vec![
        READER.key(&["ORG_READ_ONLY"]),
        WRITER.key(&["ORG_OWNER"]),
        in_projects(PARTIAL.key(&["ORG_MEMBER"]), &[fleet::NAME, telemetry::NAME]),
        MEMBER.key(&["ORG_MEMBER"]),
        in_projects(PROJECT_ONLY.key(&[]), &[lab::NAME]),
    ]
}

fn in_projects(mut key: Key, projects: &[&str]) -> Key {
    let role = "GROUP_READ_ONLY".to_owned();
    key.roles.extend(projects.iter().map(|name| KeyRole::Project { project: project_id(name), role: role.clone() }));
    key
}

/// Both hold a role in a project too, under the same client id.
fn service_accounts() -> Vec<Value> {
    vec![
        service_account("billing-export", "Exports invoices each night", &["ORG_READ_ONLY"]),
        service_account("lab-notebooks", "", &["ORG_MEMBER"]),
    ]
}
