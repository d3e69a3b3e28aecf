//! Contoso Harbour: a small organization, to be connected beside the first one.

use super::{organization, project};
use crate::demo::build::{cluster, flex, invitation, region, team, team_roles, tenant, user};
use crate::demo::keys::{CONTOSO, HARBOUR_READER};
use crate::demo::model::{Organization, ProjectEstate};

const HARBOURMASTER: &str = "harbourmaster@contoso-harbour.example";

pub fn contoso() -> Organization {
    let mut harbour = organization(CONTOSO);
    harbour.keys = vec![HARBOUR_READER.key(&["ORG_READ_ONLY"])];
    harbour.projects = vec![berths(), harbour_lab()];
    harbour.teams = vec![team("Pilots")];
    let berths = harbour.projects[0].id.clone();
    harbour.users = vec![
        user(HARBOURMASTER, "Olga", "Brandt").roles(&["ORG_OWNER"]).body(),
        user("pilot.one@contoso-harbour.example", "Piet", "de Vries").team("Pilots").body(),
        user("pilot.two@contoso-harbour.example", "Ines", "Costa").team("Pilots").never_signed_in().body(),
        user("ledger@contoso-harbour.example", "Ledger", "Desk").project_roles(&berths, &["GROUP_READ_ONLY"]).body(),
        invitation("apprentice@contoso-harbour.example", "PENDING").body(),
    ];
    harbour
}

fn berths() -> ProjectEstate {
    let mut berths = project("Berths");
    let id = berths.id.clone();
    berths.teams = vec![team_roles("Pilots", &["GROUP_READ_ONLY"])];
    berths.clusters = vec![
        cluster(&id, "berth-plan")
            .regions(&[region("AZURE", "EUROPE_NORTH", "M20")])
            .tags(&[("owner", HARBOURMASTER), ("description", "Who lies where"), ("contains-user-data", "no")])
            .body(),
        cluster(&id, "tides").regions(&[region("AZURE", "EUROPE_NORTH", "M10").without_scaling()]).body(),
    ];
    berths
}

fn harbour_lab() -> ProjectEstate {
    let mut lab = project("Harbour Lab");
    let id = lab.id.clone();
    lab.clusters = vec![tenant(&id, "buoys", "M0", "M0").body()];
    lab.flex = vec![flex(&id, "gulls").body()];
    lab
}
