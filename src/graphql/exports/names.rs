//! What rows say of things that are read apart.

use std::sync::Arc;

use super::super::error::ApiError;
use super::super::session::Moment;
use crate::domain::{Grant, GrantPath, GrantScope};
use crate::export::Cell;
use crate::store::views::{GrantView, PersonView};

/// The name of an integration's organization.
pub async fn organization(moment: &Moment, integration: i64) -> Result<Cell, ApiError> {
    let known = moment.loaders.integrations.load_one(integration).await?;
    Ok(Cell::some(known.map(|view| view.organization_name.clone())))
}

pub async fn person(moment: &Moment, id: Option<i64>) -> Result<Option<Arc<PersonView>>, ApiError> {
    match id {
        Some(id) => moment.loaders.people.load_one(id).await,
        None => Ok(None),
    }
}

/// The full name and the e-mail address of a person.
pub async fn person_cells(moment: &Moment, id: Option<i64>) -> Result<[Cell; 2], ApiError> {
    let person = person(moment, id).await?;
    let person = person.as_ref().map(|view| &view.person);
    Ok([
        Cell::some(person.map(|person| person.full_name.as_str())),
        Cell::some(person.map(|person| person.email.as_str())),
    ])
}

pub async fn project(moment: &Moment, id: Option<i64>) -> Result<Option<String>, ApiError> {
    let Some(id) = id else { return Ok(None) };
    Ok(moment.loaders.projects.load_one(id).await?.map(|view| view.project.name.clone()))
}

/// A role in words, with the name of its project.
pub async fn role(moment: &Moment, view: &GrantView) -> Result<String, ApiError> {
    let project = project(moment, view.project_id).await?;
    Ok(told(&view.grant, project.as_deref()))
}

/// A role, where it is held and why, such as `GROUP_OWNER @ project Website (via team Platform)`.
pub fn told(grant: &Grant, project: Option<&str>) -> String {
    let place = match (grant.scope, project) {
        (GrantScope::Organization, _) => "organization".to_owned(),
        (GrantScope::Project, Some(name)) => format!("project {}", item(name)),
        (GrantScope::Project, None) => "a project that was not read".to_owned(),
    };
    let reason = match (grant.via, &grant.team) {
        (GrantPath::Direct, _) => "direct".to_owned(),
        (GrantPath::Implied, _) => "implied".to_owned(),
        (GrantPath::Team, Some(team)) => format!("via team {}", item(team)),
        (GrantPath::Team, None) => "via a team that was not read".to_owned(),
    };
    format!("{} @ {place} ({reason})", item(&grant.role))
}

/// Part of a list in one cell: what somebody named must not look like the next item.
pub fn item(text: &str) -> String {
    text.replace(';', ",")
}
