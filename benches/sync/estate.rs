//! A large organization, the same at each call: per project ten clusters, ten users and a team.

use slategate::demo::SimulatorOptions;
use slategate::demo::build::{self, cluster, customer_key, region, service_account, team, team_roles, user};
use slategate::demo::keys::READER;
use slategate::demo::model::{Organization, ProjectEstate};
use slategate::demo::simulator::{EndpointSet, Limit};

/// How large an organization is, and how often some of it has changed.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub projects: usize,
    /// Clusters of each project.
    pub clusters: usize,
    /// Users for each project.
    pub users: usize,
    /// Each one changes a tenth of the clusters.
    pub generation: usize,
}

impl Size {
    fn all_users(self) -> usize {
        self.projects * self.users
    }
}

/// Projects that share a team, and that share a service account.
const SHARED_BY: usize = 10;
const SEED: u64 = 20_261_124;

/// An organization of this size. A team reaches ten projects, so half of the users hold ten grants through one.
pub fn organization(size: Size) -> Organization {
    let Size { projects, .. } = size;
    let mut dice = Dice(SEED);
    let mut own = Organization::new(&build::id("bench"), "Bench");
    own.keys = vec![READER.key(&["ORG_READ_ONLY"])];
    own.projects = (0..projects).map(|number| project(size, number, &mut dice)).collect();
    let teams = projects.div_ceil(SHARED_BY);
    own.teams = (0..teams).map(|number| team(&team_name(number))).collect();
    own.service_accounts =
        (0..teams).map(|number| service_account(&robot_name(number), "deploys", &["ORG_MEMBER"])).collect();
    own.users = (0..size.all_users()).map(|number| member(number, teams, &own.projects, &mut dice)).collect();
    own
}

/// A simulated Atlas without limits of rate.
pub fn boundless() -> SimulatorOptions {
    let plenty = Limit { capacity: u32::MAX, refill: u32::MAX };
    let sets = [
        EndpointSet::Root,
        EndpointSet::Organization,
        EndpointSet::Users,
        EndpointSet::Teams,
        EndpointSet::Keys,
        EndpointSet::Projects,
        EndpointSet::Project,
        EndpointSet::Clusters,
        EndpointSet::EncryptionAtRest,
    ];
    SimulatorOptions { limits: sets.into_iter().map(|set| (set, plenty)).collect(), ..SimulatorOptions::default() }
}

/// People for nine users in ten, one in twenty of them gone, as CSV text.
pub fn people(size: Size) -> String {
    let mut csv = "email,fullName,status,endsOn\n".to_owned();
    for number in (0..size.all_users()).filter(|number| number % 10 != 0) {
        let (status, last_day) = if number % 20 == 1 { ("LEFT", "2026-01-31") } else { ("ACTIVE", "") };
        csv.extend([mail(number).as_str(), ",Person ", &number.to_string(), ",", status, ",", last_day, "\n"]);
    }
    csv
}

fn project(size: Size, number: usize, dice: &mut Dice) -> ProjectEstate {
    let mut project = ProjectEstate::new(&build::id(&format!("project {number}")), &format!("Project {number}"));
    project.tags = build::tags(&[("environment", "production"), ("cost-center", "4100")]);
    project.encryption = serde_json::json!({
        "awsKms": customer_key(true, !dice.one_in(50)),
        "azureKeyVault": customer_key(false, false),
        "enabledForSearchNodes": false,
        "googleCloudKms": customer_key(false, false),
    });
    project.teams = vec![team_roles(&team_name(number / SHARED_BY), &["GROUP_READ_ONLY"])];
    project.service_accounts = vec![service_account(&robot_name(number / SHARED_BY), "deploys", &["GROUP_OWNER"])];
    project.clusters =
        (0..size.clusters).map(|place| body(size, &project.id, number * size.clusters + place, dice)).collect();
    project
}

fn body(size: Size, project: &str, number: usize, dice: &mut Dice) -> serde_json::Value {
    let tier = ["M10", "M30", "M50", "M200"][dice.below(4)];
    let home = region("AWS", ["EU_WEST_1", "US_EAST_1", "AP_SOUTH_1"][dice.below(3)], tier)
        .nodes(if dice.one_in(30) { 1 } else { 3 })
        .storage_scaling(!dice.one_in(10))
        .tier_scaling(!dice.one_in(5));
    let away = region("GCP", "WESTERN_EUROPE", tier).nodes(2).priority(6);
    let bare = cluster(project, &format!("cluster-{number}"));
    let shaped = match dice.below(20) {
        0 => bare.sharded(&[std::slice::from_ref(&home); 3]),
        1..=3 => bare.regions(&[home, away]),
        _ => bare.regions(&[home]),
    };
    let owner = mail(dice.below((number + 1).min(size.all_users())));
    let changes = (1..=size.generation).filter(|generation| (number + generation).is_multiple_of(10)).count();
    let tags =
        [("owner", owner.as_str()), ("description", "Serves a part of the product"), ("contains-user-data", "no")];
    shaped
        .field("backupEnabled", dice.one_in(20) == (changes % 2 == 1))
        .field("encryptionAtRestProvider", if dice.one_in(3) { "AWS" } else { "NONE" })
        .tags(&tags[..dice.below(tags.len() + 1)])
        .body()
}

fn member(number: usize, teams: usize, projects: &[ProjectEstate], dice: &mut Dice) -> serde_json::Value {
    let member = user(&mail(number), "User", &number.to_string());
    let member = if number.is_multiple_of(2) { member.team(&team_name(dice.below(teams))) } else { member };
    let own = &projects[dice.below(projects.len())];
    member.project_roles(&own.id, &["GROUP_DATA_ACCESS_READ_ONLY"]).body()
}

fn mail(number: usize) -> String {
    format!("user{number}@bench.example")
}

fn team_name(number: usize) -> String {
    format!("Team {number}")
}

fn robot_name(number: usize) -> String {
    format!("robot-{number}")
}

/// `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap_or(0)
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
}
