//! One file per table: its columns and nothing else.
//!
//! Instants are microseconds since 1970 in UTC. A fact row holds from `valid_from` until just before `valid_to`
//! (null: still). Words (`status`, `kind`, ...) are spelled as in `slategate::domain`.

pub mod access_review;
pub mod access_review_decision;
pub mod access_review_item;
pub mod access_review_reviewer;
pub mod account;
pub mod account_fact;
pub mod account_link;
pub mod api_token;
pub mod asset;
pub mod asset_facet;
pub mod asset_standing;
pub mod audit_event;
pub mod cluster_fact;
pub mod control_result;
pub mod control_status;
pub mod data_key;
pub mod encryption_fact;
pub mod integration;
pub mod person;
pub mod person_address;
pub mod person_fact;
pub mod project;
pub mod project_fact;
pub mod role_grant;
pub mod scim_user;
pub mod scim_user_address;
pub mod scope;
pub mod scope_state;
pub mod sync_run;
pub mod workspace;
