//! Why an account that is linked to nobody may be somebody's. A suggestion only: nothing links by it.

use super::{Account, Person};

crate::words! {
    /// What an account and a person have in common.
    Resemblance {
        SameAddress = "SAME_ADDRESS",
        PlusAddress = "PLUS_ADDRESS",
        SameName = "SAME_NAME",
        SameLocalPart = "SAME_LOCAL_PART",
    }
}

/// A full name as it is compared: lower case, single spaces.
pub fn name_key(name: &str) -> String {
    name.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What stands before the `@`, and before a `+` in that, since mail servers take the rest for a label (RFC 5233).
pub fn local_part(address: &str) -> &str {
    let local = address.split('@').next().unwrap_or_default();
    local.split_once('+').map_or(local, |(name, _)| if name.is_empty() { local } else { name })
}

/// The address that an account answers to: its e-mail address, or a login that reads like one.
pub fn address(account: &Account) -> Option<String> {
    account.email.clone().or_else(|| account.login.contains('@').then(|| account.login.to_lowercase()))
}

/// Every reason to think of this person, the strongest first.
pub fn resemblances(account: &Account, person: &Person) -> Vec<Resemblance> {
    let ours = address(account);
    let ours = ours.as_deref();
    let theirs = || std::iter::once(&person.email).chain(&person.aliases).map(String::as_str);
    let name = account.display_name.as_deref().map(name_key).filter(|name| !name.is_empty());
    let same_local = |theirs: &str| ours.is_some_and(|ours| local_part(ours) == local_part(theirs));
    let found = [
        (Resemblance::SameAddress, theirs().any(|theirs| ours == Some(theirs))),
        (
            Resemblance::PlusAddress,
            theirs().any(|theirs| ours != Some(theirs) && same_local(theirs) && ours.map(host) == Some(host(theirs))),
        ),
        (Resemblance::SameName, name.is_some_and(|name| name == name_key(&person.full_name))),
        (Resemblance::SameLocalPart, theirs().any(|theirs| same_local(theirs) && ours.map(host) != Some(host(theirs)))),
    ];
    found.into_iter().filter(|(_, holds)| *holds).map(|(why, _)| why).collect()
}

fn host(address: &str) -> &str {
    address.split_once('@').map_or("", |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_no_part_of_a_local_part() {
        for (address, local) in
            [("ada@x.org", "ada"), ("ada+atlas@x.org", "ada"), ("+atlas@x.org", "+atlas"), ("ada", "ada"), ("", "")]
        {
            assert_eq!(local_part(address), local, "{address}");
        }
    }

    #[test]
    fn names_are_compared_without_case_and_spacing() {
        assert_eq!(name_key("  Ada \u{a0} LOVELACE "), "ada lovelace");
    }
}
