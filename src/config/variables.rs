//! The table of variables, and reading them one by one while problems are collected.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;

use super::values::Unusable;

const PREFIX: &str = "SLATEGATE_";
const TEST_PREFIX: &str = "SLATEGATE_TEST_";

/// Every variable: name, default, meaning.
pub const VARIABLES: &[(&str, &str, &str)] = &[
    ("SLATEGATE_DATABASE_URL", "sqlite://slategate.db", "sqlite://PATH, or postgres://... for several replicas"),
    ("SLATEGATE_DATABASE_CONNECTIONS", "10", "connections to the database, 1 to 1000"),
    ("SLATEGATE_READ_MODEL_MIB", "64", "mebibytes of answers kept in memory, 0 to 65536; 0 keeps none"),
    (
        "SLATEGATE_MASTER_KEY_FILE",
        "DATABASE_FILE.key",
        "the key file that seals stored credentials; needed with PostgreSQL",
    ),
    (
        "SLATEGATE_MASTER_KEYS",
        "none",
        "the keys themselves instead of a file: `key-id base64`, newest last, commas between them",
    ),
    ("SLATEGATE_LISTEN", "127.0.0.1:8080", "address and port to serve on"),
    ("SLATEGATE_GRAPHIQL", "true", "serve GraphiQL: true or false"),
    (
        "SLATEGATE_CORS_ORIGINS",
        "none",
        "origins whose pages may use the API from a browser, such as https://app.example.com; commas between them",
    ),
    (
        "SLATEGATE_TRUSTED_PROXIES",
        "none",
        "proxies whose X-Forwarded-For is believed: addresses or networks, commas between them",
    ),
    (
        "SLATEGATE_TRUSTED_DOCUMENTS",
        "none",
        "a manifest of trusted documents, as Relay, GraphQL codegen or Apollo write it",
    ),
    ("SLATEGATE_TRUSTED_DOCUMENTS_ONLY", "none", "roles that may run trusted documents only, such as viewer,analyst"),
    (
        "SLATEGATE_ATLAS_BASE_URL",
        "https://cloud.mongodb.com",
        "the Atlas Admin API's address: an Atlas host or this machine",
    ),
    ("SLATEGATE_ATLAS_LANES", "4", "requests in flight per Atlas API key, 1 to 32"),
    ("SLATEGATE_SYNC_SCHEDULE", "0 0 * * * *", "when to sync: cron text of five or six fields, seconds first, UTC"),
    ("SLATEGATE_SYNC_LEASE", "30", "seconds after which another process takes up the sync of one that died, 2 to 600"),
    ("SLATEGATE_FRESHNESS", "24, or three sync intervals if longer", "hours that a read of Atlas stays good evidence"),
    ("SLATEGATE_TIME_ZONE", "UTC", "IANA name of the zone that a person's last day ends in"),
    ("SLATEGATE_DEPROVISION_GRACE_DAYS", "0", "days that a leaver's account may outlive the last day"),
    ("SLATEGATE_DORMANT_AFTER_DAYS", "90", "days without a sign-in after which a user counts as dormant"),
    (
        "SLATEGATE_ACCESS_REVIEW_DAYS",
        "100",
        "days within which every account's access is to be reviewed: a quarter and some",
    ),
    ("SLATEGATE_HISTORY_DAYS", "1096", "days that what has ended stays in the history; 0: for ever"),
    (
        "SLATEGATE_RUNS_DAYS",
        "400",
        "days that ended syncs are kept; those that the history rests on stay with it; 0: for ever",
    ),
    ("SLATEGATE_REQUIRE_CUSTOMER_MANAGED_KEYS", "false", "demand encryption with own keys: true or false"),
    ("SLATEGATE_OWNER_TAG", "owner", "the Atlas tag that names a cluster's owner"),
    ("SLATEGATE_DESCRIPTION_TAG", "description", "the Atlas tag that describes a cluster"),
    ("SLATEGATE_USER_DATA_TAG", "contains-user-data", "the Atlas tag that says whether a cluster holds user data"),
    (
        "SLATEGATE_OIDC_ISSUER",
        "none",
        "OpenID Connect issuer whose tokens are accepted beside API tokens, as they spell it in `iss`",
    ),
    ("SLATEGATE_OIDC_AUDIENCE", "none", "audience that the issuer's tokens must name; needed with an issuer"),
    (
        "SLATEGATE_OIDC_ROLE_CLAIM",
        "slategate_role",
        "claim with the role or a list of roles (viewer, analyst, admin); dots reach into objects",
    ),
    ("SLATEGATE_OIDC_WORKSPACE_CLAIM", "none: everybody belongs to `default`", "claim with the workspace's name"),
    (
        "SLATEGATE_METRICS_LISTEN",
        "none: /metrics on the main address, with a token",
        "address and port that serve /metrics of every workspace without a token",
    ),
    ("SLATEGATE_OTLP_ENDPOINT", "none", "collector that traces are sent to by OTLP, such as http://collector:4318"),
    ("SLATEGATE_TRACE_SAMPLE_RATIO", "1", "how many of the traces that begin here are kept, 0 to 1"),
    ("SLATEGATE_LOG", "info", "log filter, such as info,slategate::sync=debug"),
    ("SLATEGATE_LOG_FORMAT", "text", "text or json"),
];

/// The table as help text.
pub fn help() -> String {
    let mut text = "Environment (an empty variable counts as unset):\n".to_owned();
    for (name, default, meaning) in VARIABLES {
        write!(text, "  {name}\n          {meaning} [default: {default}]\n").expect("a String takes all text");
    }
    text
}

/// What the environment says, and what is wrong with it.
pub struct Variables {
    given: BTreeMap<String, String>,
    problems: Vec<String>,
    /// Names that begin like ours and are none of ours. Orchestrators put such names into the environment.
    unknown: Vec<String>,
}

impl Variables {
    pub fn new<K: Into<OsString>, V: Into<OsString>>(vars: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut all = Self { given: BTreeMap::new(), problems: Vec::new(), unknown: Vec::new() };
        for (name, value) in vars {
            let name = name.into().to_string_lossy().into_owned();
            if name.starts_with(PREFIX) && !name.starts_with(TEST_PREFIX) {
                all.take(name, value.into());
            }
        }
        all
    }

    fn take(&mut self, name: String, value: OsString) {
        if !VARIABLES.iter().any(|(known, ..)| *known == name) {
            self.unknown.push(name);
            return;
        }
        match value.into_string() {
            Ok(value) if value.trim().is_empty() => {}
            Ok(value) => {
                self.given.insert(name, value.trim().to_owned());
            }
            Err(_) => self.problem(&name, "is not UTF-8", "text"),
        }
    }

    /// The variable's value, or its default from the table. None when it is unusable.
    pub fn required<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, Unusable>) -> Option<T> {
        let default = VARIABLES.iter().find(|(known, ..)| *known == name).map(|(_, default, _)| (*default).to_owned());
        let text = self.given.get(name).cloned().or(default)?;
        self.note(name, parse(&text))
    }

    /// The variable's value if it is set. None also when it is unusable, which is then among the problems.
    pub fn optional<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, Unusable>) -> Option<T> {
        let parsed = self.given.get(name).map(|text| parse(text))?;
        self.note(name, parsed)
    }

    pub fn is_given(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    pub fn problem(&mut self, name: &str, problem: &str, expected: &str) {
        self.problems.push(format!("{name} {problem}; expected {expected}"));
    }

    /// What is wrong, and the names that are no settings.
    pub fn into_findings(self) -> (Vec<String>, Vec<String>) {
        (self.problems, self.unknown)
    }

    fn note<T>(&mut self, name: &str, parsed: Result<T, Unusable>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(Unusable { problem, expected }) => {
                self.problem(name, &problem, &expected);
                None
            }
        }
    }
}
