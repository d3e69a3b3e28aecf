//! Who may see what: addresses, organizations, projects, roles.
//!
//! Decides over the estate and one key; knows nothing of HTTP headers or bodies.

use std::net::IpAddr;

use axum::http::StatusCode;
use serde_json::json;

use super::answer::Refused;
use super::endpoint::{Endpoint, Target};
use crate::demo::model::{Key, Organization, ProjectEstate};

/// Refuses an address that the key's access list, or the whole server's, does not name.
pub fn check_address(
    organization: &Organization,
    key: &Key,
    allowed: Option<&[IpAddr]>,
    caller: IpAddr,
) -> Result<(), Refused> {
    let refused = |code: &str, detail: String| {
        Err(Refused::new(StatusCode::FORBIDDEN, code, detail).parameters(json!([caller.to_string()])))
    };
    if organization.access_list_required && key.access_list.is_empty() {
        let detail = "This organization requires access through an access list of ip ranges.".to_owned();
        return refused("ORG_REQUIRES_ACCESS_LIST", detail);
    }
    let listed = key.access_list.is_empty() || key.access_list.iter().any(|entry| covers(entry, caller));
    if listed && allowed.is_none_or(|allowed| allowed.contains(&caller)) {
        return Ok(());
    }
    refused("IP_ADDRESS_NOT_ON_ACCESS_LIST", format!("IP address {caller} is not allowed to access this resource."))
}

/// An address, or a block such as `203.0.113.0/24`.
fn covers(entry: &str, caller: IpAddr) -> bool {
    let (network, length) = entry.split_once('/').map_or((entry, None), |(network, length)| (network, Some(length)));
    let Ok(network) = network.parse::<IpAddr>() else { return false };
    let (network, caller, width) = match (network, caller) {
        (IpAddr::V4(network), IpAddr::V4(caller)) => (u128::from(network.to_bits()), u128::from(caller.to_bits()), 32),
        (IpAddr::V6(network), IpAddr::V6(caller)) => (network.to_bits(), caller.to_bits(), 128),
        _ => return false,
    };
    match length.map_or(Ok(width), str::parse::<u32>) {
        Ok(0) => true,
        Ok(length) if length <= width => (network >> (width - length)) == (caller >> (width - length)),
        _ => false,
    }
}

/// The project that a target names, or why this key may not know it.
///
/// Takes the whole estate, because a key asks for other organizations' things too.
pub fn check<'a>(
    estate: &'a [Organization],
    own: &'a Organization,
    key: &Key,
    target: &Target,
) -> Result<Option<&'a ProjectEstate>, Refused> {
    if own.suspended {
        let detail = format!("The organization {} is suspended for non-payment.", own.id);
        return Err(Refused::new(StatusCode::PAYMENT_REQUIRED, "ACCOUNT_SUSPENDED", detail).parameters(json!([own.id])));
    }
    let Some(parent) = target.parent.as_deref() else { return Ok(None) };
    if target.endpoint.is_of_project() {
        return check_project(estate, own, key, parent).map(Some);
    }
    if parent != own.id {
        return Err(foreign_organization(estate, parent));
    }
    let allowed = match target.endpoint {
        Endpoint::ServiceAccounts => key.reads_everything(),
        _ => key.is_member(),
    };
    if allowed { Ok(None) } else { Err(Refused::unauthorized()) }
}

fn check_project<'a>(
    estate: &'a [Organization],
    own: &'a Organization,
    key: &Key,
    id: &str,
) -> Result<&'a ProjectEstate, Refused> {
    match own.project(id) {
        Some(project) if key.reads_project(id) => Ok(project),
        Some(_) => Err(Refused::unauthorized()),
        None if estate.iter().any(|organization| organization.project(id).is_some()) => {
            let detail = format!("The current user cannot access group {id}.");
            Err(Refused::new(StatusCode::UNAUTHORIZED, "USER_CANNOT_ACCESS_GROUP", detail).parameters(json!([id])))
        }
        None => Err(Refused::not_found("GROUP_NOT_FOUND", format!("No group with ID {id} exists."), json!([id]))),
    }
}

fn foreign_organization(estate: &[Organization], id: &str) -> Refused {
    if estate.iter().any(|organization| organization.id == id) {
        let detail = format!("The current user cannot access organization {id}.");
        Refused::new(StatusCode::UNAUTHORIZED, "USER_CANNOT_ACCESS_ORG", detail).parameters(json!([id]))
    } else {
        Refused::not_found("ORG_NOT_FOUND", format!("No organization with ID {id} exists."), json!([id]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_covers_its_address_or_block_and_no_other() {
        let covers = |entry: &str, caller: &str| covers(entry, caller.parse().unwrap());
        assert!(covers("203.0.113.9", "203.0.113.9"));
        assert!(!covers("203.0.113.9", "203.0.113.10"));
        assert!(covers("203.0.113.0/24", "203.0.113.200"));
        assert!(!covers("203.0.113.0/24", "203.0.114.1"));
        assert!(covers("0.0.0.0/0", "198.51.100.7"));
        assert!(covers("2001:db8::/32", "2001:db8:1::7"));
        assert!(!covers("2001:db8::/32", "203.0.113.9"));
        assert!(!covers("203.0.113.0/33", "203.0.113.0"));
        assert!(!covers("nonsense", "203.0.113.0"));
    }
}
