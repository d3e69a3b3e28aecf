use std::collections::HashSet;

use serde_json::Value;

use crate::demo::model::{KeyRole, Organization};
use crate::demo::{annotations, keys, links, organizations, people};

fn names(list: &[Value], field: &str) -> Vec<String> {
    list.iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
}

fn clusters(organization: &Organization) -> Vec<&Value> {
    organization.projects.iter().flat_map(|project| project.clusters.iter().chain(&project.flex)).collect()
}

#[test]
fn the_estates_have_the_sizes_that_are_promised() {
    let sizes: Vec<(String, usize, usize, usize)> = organizations()
        .iter()
        .map(|own| (own.name.clone(), own.projects.len(), clusters(own).len(), own.users.len()))
        .collect();
    let expected = [
        ("Northwind Robotics", 5, 35, 21),
        ("Contoso Harbour", 2, 4, 5),
        ("Lonely Lighthouse", 0, 0, 0),
        ("Overdue Outfitters", 1, 0, 0),
    ];
    assert_eq!(sizes, expected.map(|(name, projects, clusters, users)| (name.to_owned(), projects, clusters, users)));
}

#[test]
fn the_same_words_give_the_same_estate() {
    let bodies = |estate: &[Organization]| estate.iter().flat_map(clusters).map(Value::to_string).collect::<Vec<_>>();
    assert_eq!(bodies(&organizations()), bodies(&organizations()));
}

#[test]
fn no_two_things_share_an_id() {
    let mut seen = HashSet::new();
    for own in &organizations() {
        let mut ids = names(&own.users, "id");
        ids.extend(names(&own.teams, "id"));
        ids.extend(names(&own.service_accounts, "clientId"));
        ids.extend(own.keys.iter().map(|key| key.id.clone()));
        ids.extend(own.projects.iter().map(|project| project.id.clone()));
        ids.extend(clusters(own).iter().map(|cluster| cluster["id"].as_str().unwrap().to_owned()));
        ids.push(own.id.clone());
        for id in ids {
            let hex = id.strip_prefix("mdb_sa_id_").unwrap_or(&id);
            assert!(hex.len() == 24 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{id}");
            assert!(seen.insert(id.clone()), "{id}");
        }
    }
}

#[test]
fn what_points_elsewhere_points_at_something() {
    for own in &organizations() {
        let teams = names(&own.teams, "id");
        let joined = own.users.iter().filter_map(|user| user["teamIds"].as_array()).flatten();
        let given = own.projects.iter().flat_map(|project| &project.teams).map(|team| &team["teamId"]);
        for team in joined.chain(given) {
            assert!(teams.iter().any(|known| team == known), "{team}");
        }
        let assignments =
            own.users.iter().filter_map(|user| user["roles"]["groupRoleAssignments"].as_array()).flatten();
        for assignment in assignments {
            assert!(own.project(assignment["groupId"].as_str().unwrap()).is_some(), "{assignment}");
        }
        for role in own.keys.iter().flat_map(|key| &key.roles) {
            assert!(
                matches!(role, KeyRole::Organization(_))
                    || matches!(role, KeyRole::Project { project, .. } if own.project(project).is_some())
            );
        }
        for (project, cluster) in own.projects.iter().flat_map(|own| own.clusters.iter().map(move |row| (own, row))) {
            assert_eq!(cluster["groupId"], project.id);
        }
    }
}

#[test]
fn every_printed_key_opens_the_organization_it_names() {
    let estate = organizations();
    for pair in keys() {
        let own = estate.iter().find(|own| own.name == pair.organization).unwrap();
        let key = own.keys.iter().find(|key| key.public == pair.public).unwrap();
        assert_eq!(secrecy::ExposeSecret::expose_secret(&key.private), pair.private);
        assert!(pair.public.len() == 8 && pair.public.bytes().all(|byte| byte.is_ascii_lowercase()));
        let groups: Vec<usize> = pair.private.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
    }
    let printed = keys().len();
    assert_eq!(estate.iter().map(|own| own.keys.len()).sum::<usize>(), printed);
}

#[test]
fn what_was_entered_by_hand_names_people_accounts_and_clusters_that_exist() {
    let estate = organizations();
    let emails: Vec<String> = people().into_iter().map(|person| person.email).collect();
    assert_eq!(emails.len(), 13);
    let named: Vec<&str> = clusters(&estate[0]).iter().map(|cluster| cluster["name"].as_str().unwrap()).collect();
    for annotation in annotations() {
        assert!(named.contains(&annotation.cluster), "{}", annotation.cluster);
        assert!(annotation.owner.is_none_or(|owner| emails.iter().any(|email| email == owner)));
    }
    for (login, email) in links() {
        assert!(estate[0].keys.iter().any(|key| key.public == login), "{login}");
        assert!(emails.iter().any(|known| known == email), "{email}");
    }
}

#[test]
fn people_are_spelled_as_the_register_keeps_them() {
    for person in people() {
        assert_eq!(person.email, person.email.to_lowercase());
        assert!(!person.aliases.contains(&person.email));
        assert!(person.aliases.iter().all(|alias| *alias == alias.to_lowercase()));
    }
}
