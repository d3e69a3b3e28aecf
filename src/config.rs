//! The settings: the only reader of the environment.
//!
//! Reads everything once, at start, and reports every problem at once. Values stay out of the reports, since some of
//! them carry passwords.

mod values;
mod variables;

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::HeaderValue;
use chrono::TimeDelta;
use chrono_tz::Tz;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::sync::{Retention, Schedule, ScheduleError};
pub use variables::{VARIABLES, help};

use crate::auth::oidc::OidcSettings;
use crate::clock::Clock;
use crate::http::{GateSettings, Proxies};
use crate::store::StoreOptions;
use crate::store::views::Role;
use crate::telemetry::LogFormat;
use crate::telemetry::traces::TraceSettings;
use crate::vault::KeySource;
use values::Database;
use variables::Variables;

/// Of the connections to the database, those that requests leave to syncs.
const CONNECTIONS_FOR_SYNCS: u32 = 2;

#[derive(Debug, Clone)]
pub struct Config {
    /// May hold a password.
    pub database_url: SecretString,
    /// The file of an embedded database; None with a server.
    pub database_file: Option<PathBuf>,
    pub database_connections: u32,
    pub listen: SocketAddr,
    /// Where metrics are served without a token; None: on the main address, with one.
    pub metrics_listen: Option<SocketAddr>,
    pub graphiql: bool,
    /// Origins whose pages may read answers in a browser.
    pub cors_origins: Vec<HeaderValue>,
    /// Who is believed when it names the client behind it.
    pub trusted_proxies: Proxies,
    /// A manifest of trusted documents.
    pub trusted_documents: Option<PathBuf>,
    /// Roles that may run trusted documents only.
    pub trusted_only: Vec<Role>,
    pub atlas_base_url: Url,
    /// Requests in flight per credential.
    pub atlas_lanes: usize,
    pub schedule: Schedule,
    /// How long a sync is its process's without a word of it.
    pub sync_lease: Duration,
    /// How long a good read of a list stays good evidence.
    pub freshness: TimeDelta,
    pub master_keys: KeySource,
    /// The zone that a person's last day ends in.
    pub time_zone: Tz,
    pub deprovision_grace_days: u32,
    /// Without a sign-in for so long a user is dormant.
    pub dormant_after_days: u32,
    /// Within so long every account's access is to be reviewed.
    pub access_review_days: u32,
    /// How long the past is kept.
    pub retention: Retention,
    pub require_customer_managed_keys: bool,
    pub tags: TagNames,
    /// The issuer whose tokens open the door beside our own.
    pub oidc: Option<OidcSettings>,
    /// Bytes of answers that are kept in memory; 0 keeps none.
    pub read_model: usize,
    /// Where traces go, if anywhere.
    pub traces: Option<TraceSettings>,
    pub log: String,
    pub log_format: LogFormat,
    /// Variables that begin like ours and are no settings: perhaps misspelt, perhaps somebody else's.
    pub unknown: Vec<String>,
}

/// The Atlas tags that annotate an asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagNames {
    pub owner: String,
    pub description: String,
    pub user_data: String,
}

/// All that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    pub problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings are not usable:")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl Config {
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_vars(std::env::vars_os())
    }

    /// Reads the settings from the given variables instead of the environment's.
    pub fn from_vars<K: Into<OsString>, V: Into<OsString>>(
        vars: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, ConfigError> {
        let mut vars = Variables::new(vars);
        let config = Self::read(&mut vars);
        let (problems, unknown) = vars.into_findings();
        match config {
            Some(config) if problems.is_empty() => Ok(Self { unknown, ..config }),
            _ => Err(ConfigError { problems }),
        }
    }

    pub fn store_options(&self, clock: Clock) -> StoreOptions {
        StoreOptions {
            url: self.database_url.expose_secret().to_owned(),
            freshness: self.freshness,
            dormant_after: TimeDelta::days(self.dormant_after_days.into()),
            clock,
            connections: self.database_connections,
            lease: self.sync_lease,
        }
    }

    pub fn gate(&self) -> GateSettings {
        let operations = self.database_connections.saturating_sub(CONNECTIONS_FOR_SYNCS).max(1);
        GateSettings {
            origins: self.cors_origins.clone(),
            proxies: self.trusted_proxies.clone(),
            operations: usize::try_from(operations).unwrap_or(usize::MAX),
        }
    }

    /// None when there are problems. Reads every variable before it gives up on one.
    fn read(vars: &mut Variables) -> Option<Self> {
        let database = vars.required("SLATEGATE_DATABASE_URL", values::database);
        let database_connections = vars.required("SLATEGATE_DATABASE_CONNECTIONS", values::number(1..=1000));
        let listen = vars.required("SLATEGATE_LISTEN", values::socket_address);
        let metrics_listen = vars.optional("SLATEGATE_METRICS_LISTEN", values::socket_address);
        let graphiql = vars.required("SLATEGATE_GRAPHIQL", values::boolean);
        let cors_origins = vars.optional("SLATEGATE_CORS_ORIGINS", values::origins).unwrap_or_default();
        let trusted_proxies = vars.optional("SLATEGATE_TRUSTED_PROXIES", values::proxies).unwrap_or_default();
        let trusted_documents = vars.optional("SLATEGATE_TRUSTED_DOCUMENTS", |text| Ok(PathBuf::from(text)));
        let trusted_only = vars.optional("SLATEGATE_TRUSTED_DOCUMENTS_ONLY", values::roles).unwrap_or_default();
        let atlas_base_url = vars.required("SLATEGATE_ATLAS_BASE_URL", values::atlas_base_url);
        let atlas_lanes = vars.required("SLATEGATE_ATLAS_LANES", values::number(1..=32));
        let schedule = vars.required("SLATEGATE_SYNC_SCHEDULE", values::schedule);
        let sync_lease = vars.required("SLATEGATE_SYNC_LEASE", values::number(2..=600));
        let freshness = vars.optional("SLATEGATE_FRESHNESS", values::number(1..=8760));
        let master_key_file = vars.optional("SLATEGATE_MASTER_KEY_FILE", |text| Ok(PathBuf::from(text)));
        let master_keys = vars.optional("SLATEGATE_MASTER_KEYS", |text| Ok(SecretString::from(text)));
        let time_zone = vars.required("SLATEGATE_TIME_ZONE", values::time_zone);
        let grace_days = vars.required("SLATEGATE_DEPROVISION_GRACE_DAYS", values::number(0..=365));
        let dormant_after_days = vars.required("SLATEGATE_DORMANT_AFTER_DAYS", values::number(1..=3650));
        let access_review_days = vars.required("SLATEGATE_ACCESS_REVIEW_DAYS", values::number(1..=3650));
        let history_days = vars.required("SLATEGATE_HISTORY_DAYS", values::number(0..=36_500));
        let runs_days = vars.required("SLATEGATE_RUNS_DAYS", values::number(0..=36_500));
        let require_customer_managed_keys = vars.required("SLATEGATE_REQUIRE_CUSTOMER_MANAGED_KEYS", values::boolean);
        let owner = vars.required("SLATEGATE_OWNER_TAG", values::tag_name);
        let description = vars.required("SLATEGATE_DESCRIPTION_TAG", values::tag_name);
        let user_data = vars.required("SLATEGATE_USER_DATA_TAG", values::tag_name);
        let oidc = Self::read_oidc(vars);
        let read_model = vars.required("SLATEGATE_READ_MODEL_MIB", values::number(0..=65_536));
        let collector = vars.optional("SLATEGATE_OTLP_ENDPOINT", values::collector);
        let sample_ratio = vars.required("SLATEGATE_TRACE_SAMPLE_RATIO", values::ratio);
        let log = vars.required("SLATEGATE_LOG", values::log_filter);
        let log_format = vars.required("SLATEGATE_LOG_FORMAT", values::log_format);

        let beside = database.as_ref().and_then(|database| database.file.as_deref()).map(key_file_beside);
        if master_keys.is_some() && master_key_file.is_some() {
            vars.problem("SLATEGATE_MASTER_KEYS", "is set beside SLATEGATE_MASTER_KEY_FILE", "one of the two");
        }
        let master_keys = master_keys.map(KeySource::Text).or(master_key_file.or(beside).map(KeySource::File));
        if database.is_some() && master_keys.is_none() {
            vars.problem("SLATEGATE_MASTER_KEY_FILE", "is not set", "the path of the key file, with PostgreSQL");
        }
        if !trusted_only.is_empty() && trusted_documents.is_none() {
            vars.problem(
                "SLATEGATE_TRUSTED_DOCUMENTS",
                "is not set",
                "the path of a manifest, when roles are held to it",
            );
        }
        let Database { url, file } = database?;
        let schedule = schedule?;
        Some(Self {
            database_url: url,
            database_file: file,
            database_connections: database_connections?,
            listen: listen?,
            metrics_listen,
            graphiql: graphiql?,
            cors_origins,
            trusted_proxies,
            trusted_documents,
            trusted_only,
            atlas_base_url: atlas_base_url?,
            atlas_lanes: usize::try_from(atlas_lanes?).ok()?,
            read_model: usize::try_from(read_model?).ok()?.checked_mul(1024 * 1024)?,
            freshness: freshness.map_or_else(|| default_freshness(&schedule), |hours| TimeDelta::hours(hours.into())),
            schedule,
            sync_lease: Duration::from_secs(sync_lease?.into()),
            master_keys: master_keys?,
            time_zone: time_zone?,
            deprovision_grace_days: grace_days?,
            dormant_after_days: dormant_after_days?,
            access_review_days: access_review_days?,
            retention: Retention::of_days(history_days?, runs_days?),
            require_customer_managed_keys: require_customer_managed_keys?,
            tags: TagNames { owner: owner?, description: description?, user_data: user_data? },
            oidc: oidc?,
            traces: collector
                .zip(sample_ratio)
                .map(|(endpoint, sample_ratio)| TraceSettings { endpoint, sample_ratio }),
            log: log?,
            log_format: log_format?,
            unknown: Vec::new(),
        })
    }

    /// The outer None: there are problems. The inner one: no issuer is named.
    #[expect(clippy::option_option, reason = "unusable and absent are two things")]
    fn read_oidc(vars: &mut Variables) -> Option<Option<OidcSettings>> {
        let issuer = vars.optional("SLATEGATE_OIDC_ISSUER", values::issuer);
        let audience = vars.optional("SLATEGATE_OIDC_AUDIENCE", values::word);
        let role_claim = vars.required("SLATEGATE_OIDC_ROLE_CLAIM", values::word);
        let workspace_claim = vars.optional("SLATEGATE_OIDC_WORKSPACE_CLAIM", values::word);
        let given = ["SLATEGATE_OIDC_ISSUER", "SLATEGATE_OIDC_AUDIENCE"].map(|name| vars.is_given(name));
        match given {
            [true, false] => {
                vars.problem("SLATEGATE_OIDC_AUDIENCE", "is not set", "the audience that the issuer's tokens name");
            }
            [false, true] => vars.problem("SLATEGATE_OIDC_ISSUER", "is not set", "the issuer's URL"),
            [false, false] => return Some(None),
            [true, true] => {}
        }
        let (issuer, issuer_text) = issuer?;
        let settings =
            OidcSettings { issuer, issuer_text, audience: audience?, role_claim: role_claim?, workspace_claim };
        Some(Some(settings))
    }
}

/// Two syncs may fail before what was read goes stale.
fn default_freshness(schedule: &Schedule) -> TimeDelta {
    let three = schedule.interval().checked_mul(3).unwrap_or(TimeDelta::MAX);
    three.max(TimeDelta::hours(24))
}

fn key_file_beside(database: &Path) -> PathBuf {
    let mut path = OsString::from(database);
    path.push(".key");
    PathBuf::from(path)
}

#[cfg(test)]
mod tests;
