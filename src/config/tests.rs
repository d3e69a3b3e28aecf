use super::*;

fn config(vars: &[(&str, &str)]) -> Config {
    Config::from_vars(vars.iter().copied()).unwrap()
}

fn problems(vars: &[(&str, &str)]) -> Vec<String> {
    Config::from_vars(vars.iter().copied()).unwrap_err().problems
}

#[test]
fn nothing_set_gives_the_defaults() {
    let config = config(&[("HOME", "elsewhere"), ("SLATEGATE_TEST_POSTGRES_URL", "x"), ("SLATEGATE_LISTEN", " ")]);
    assert_eq!(config.database_url.expose_secret(), "sqlite://slategate.db");
    assert_eq!(config.database_file, Some(PathBuf::from("slategate.db")));
    assert_eq!(config.master_keys.to_string(), "slategate.db.key");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.atlas_base_url.as_str(), "https://cloud.mongodb.com/");
    assert_eq!(config.schedule.to_string(), "0 0 * * * *");
    assert_eq!(config.sync_lease, Duration::from_secs(30));
    assert_eq!(config.freshness, TimeDelta::hours(24));
    assert_eq!(config.time_zone, Tz::UTC);
    assert_eq!((config.database_connections, config.atlas_lanes, config.deprovision_grace_days), (10, 4, 0));
    assert_eq!(config.dormant_after_days, 90);
    assert_eq!((config.graphiql, config.require_customer_managed_keys), (true, false));
    let tags = ["owner", "description", "contains-user-data"].map(str::to_owned);
    assert_eq!([config.tags.owner, config.tags.description, config.tags.user_data], tags);
    assert_eq!((config.log.as_str(), config.log_format), ("info", LogFormat::Text));
}

#[test]
fn every_problem_is_reported_at_once() {
    let found = problems(&[
        ("SLATEGATE_LISTEN", "8080"),
        ("SLATEGATE_GRAPHIQL", "yes"),
        ("SLATEGATE_ATLAS_LANES", "0"),
        ("SLATEGATE_SYNC_SCHEDULE", "hourly"),
        ("SLATEGATE_SYNC_LEASE", "1"),
        ("SLATEGATE_FRESHNESS", "1d"),
        ("SLATEGATE_TIME_ZONE", "Mars/Olympus"),
        ("SLATEGATE_LOG", "slategate=loud"),
        ("SLATEGATE_LOG_FORMAT", "xml"),
    ]);
    let expected = [
        "SLATEGATE_LISTEN is no address with a port; expected ADDRESS:PORT, such as 127.0.0.1:8080",
        "SLATEGATE_GRAPHIQL is neither true nor false; expected true or false",
        "SLATEGATE_ATLAS_LANES is out of range; expected a whole number from 1 to 32",
        "SLATEGATE_SYNC_SCHEDULE has a number of fields other than five or six (1); expected cron text of five or six fields, seconds first, such as `0 0 * * * *`",
        "SLATEGATE_SYNC_LEASE is out of range; expected a whole number from 2 to 600",
        "SLATEGATE_FRESHNESS is no whole number; expected a whole number from 1 to 8760",
        "SLATEGATE_TIME_ZONE is no known time zone; expected an IANA name, such as Europe/Berlin",
        "SLATEGATE_LOG is no log filter; expected a filter such as info,slategate::sync=debug",
        "SLATEGATE_LOG_FORMAT is no known format; expected text or json",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_name_that_is_no_setting_is_told_and_not_refused() {
    let config = config(&[("SLATEGATE_LISTN", "127.0.0.1:1"), ("SLATEGATE_PORT", "tcp://10.0.0.1:80")]);
    assert_eq!(config.unknown, ["SLATEGATE_LISTN", "SLATEGATE_PORT"]);
}

#[test]
fn no_report_and_no_debug_shows_a_password() {
    let url = "postgres://app:hunter2@db/slategate";
    let good = config(&[("SLATEGATE_DATABASE_URL", url), ("SLATEGATE_MASTER_KEY_FILE", "/keys/master")]);
    assert_eq!(good.store_options(Clock::System).url, url);
    assert_eq!((good.database_file.as_ref(), good.master_keys.to_string().as_str()), (None, "/keys/master"));
    assert!(!format!("{good:?}").contains("hunter2"));
    for bad in ["mysql://app:hunter2@db/x", "hunter2", "postgres://app:hunter2@db:notaport/x"] {
        let found = problems(&[("SLATEGATE_DATABASE_URL", bad), ("SLATEGATE_ATLAS_BASE_URL", "https://u:hunter2@x")]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(!found.concat().contains("hunter2"), "{found:?}");
    }
}

#[test]
fn postgres_needs_a_key_file() {
    assert_eq!(
        problems(&[("SLATEGATE_DATABASE_URL", "postgresql://db/slategate")]),
        ["SLATEGATE_MASTER_KEY_FILE is not set; expected the path of the key file, with PostgreSQL"]
    );
}

#[test]
fn keys_in_the_environment_replace_the_file_and_stay_hidden() {
    let keys = ("SLATEGATE_MASTER_KEYS", "00000000 hunter2");
    let config = config(&[("SLATEGATE_DATABASE_URL", "postgres://db/x"), keys]);
    assert_eq!(config.master_keys.to_string(), "SLATEGATE_MASTER_KEYS");
    assert!(!format!("{config:?}").contains("hunter2"));
    assert_eq!(problems(&[keys, ("SLATEGATE_MASTER_KEY_FILE", "k")]).len(), 1);
}

#[test]
fn roles_are_held_only_to_a_manifest_that_is_named() {
    let held = ("SLATEGATE_TRUSTED_DOCUMENTS_ONLY", "viewer, ANALYST");
    let config = config(&[held, ("SLATEGATE_TRUSTED_DOCUMENTS", "m.json")]);
    assert_eq!(config.trusted_only, [Role::Viewer, Role::Analyst]);
    assert_eq!(config.trusted_documents, Some(PathBuf::from("m.json")));
    let missing = "SLATEGATE_TRUSTED_DOCUMENTS is not set; expected the path of a manifest, when roles are held to it";
    assert_eq!(problems(&[held]), [missing]);
    let unknown = "SLATEGATE_TRUSTED_DOCUMENTS_ONLY names something that is no role; expected a list such as viewer,analyst,admin";
    assert_eq!(problems(&[("SLATEGATE_TRUSTED_DOCUMENTS_ONLY", "viewer,robot")]), [unknown]);
}

#[test]
fn origins_are_spelled_as_browsers_do_and_never_a_star() {
    let origins = |text| ("SLATEGATE_CORS_ORIGINS", text);
    let found = config(&[origins("https://app.example.com, http://localhost:3000")]).gate().origins;
    assert_eq!(found, ["https://app.example.com", "http://localhost:3000"]);
    assert!(config(&[]).gate().origins.is_empty());
    for text in [
        "*",
        "https://*.example.com",
        "null",
        "https://a.example/",
        "https://A.example",
        "app.example.com",
        "https://a,",
    ] {
        let expected = "SLATEGATE_CORS_ORIGINS names something that is no origin; expected a list of origins such as \
                        https://app.example.com,https://b.example:8443";
        assert_eq!(problems(&[origins(text)]), [expected], "{text}");
    }
}

#[test]
fn proxies_are_addresses_or_networks() {
    let proxies = |text| ("SLATEGATE_TRUSTED_PROXIES", text);
    assert_eq!(config(&[proxies("10.0.0.0/8, ::1")]).trusted_proxies, "10.0.0.0/8,::1".parse().unwrap());
    for text in ["*", "proxy.example", "10.0.0.0/33"] {
        assert_eq!(problems(&[proxies(text)]).len(), 1, "{text}");
    }
}

#[test]
fn requests_leave_connections_to_syncs() {
    for (connections, operations) in [("10", 8), ("3", 1), ("1", 1), ("1000", 998)] {
        assert_eq!(config(&[("SLATEGATE_DATABASE_CONNECTIONS", connections)]).gate().operations, operations);
    }
}

#[test]
fn an_sqlite_url_names_a_plain_file() {
    for (url, file) in
        [("sqlite:a.db", "a.db"), ("sqlite://a.db?mode=rwc", "a.db"), ("sqlite:///var/lib/a b.db", "/var/lib/a b.db")]
    {
        let config = config(&[("SLATEGATE_DATABASE_URL", url)]);
        assert_eq!(config.database_file, Some(PathBuf::from(file)), "{url}");
        assert_eq!(config.database_url.expose_secret(), format!("sqlite://{file}"), "{url}");
        assert_eq!(config.master_keys.to_string(), format!("{file}.key"), "{url}");
    }
    for url in ["sqlite:", "sqlite::memory:", "sqlite://:memory:", "sqlite://a.db?mode=ro", "sqlite://a%20b.db"] {
        assert_eq!(problems(&[("SLATEGATE_DATABASE_URL", url)]).len(), 1, "{url}");
    }
}

#[test]
fn keys_are_sent_to_mongodb_or_to_this_machine_only() {
    let fits = |url| Config::from_vars([("SLATEGATE_ATLAS_BASE_URL", url)]).is_ok();
    for url in [
        "https://cloud.mongodb.com",
        "https://cloud.mongodb.com/",
        "https://CLOUD.mongodbgov.com",
        "https://eu.cloud.mongodb.com",
        "http://127.0.0.1:4000",
        "http://localhost:4000",
        "https://[::1]:4000",
    ] {
        assert!(fits(url), "{url}");
    }
    for url in [
        "http://cloud.mongodb.com",
        "https://cloud.mongodb.com:8443",
        "https://cloud.mongodb.com.example.org",
        "https://evilcloud.mongodb.com",
        "https://cloud.mongodb.com@example.org",
        "https://user@cloud.mongodb.com",
        "https://cloud.mongodb.com/api",
        "https://cloud.mongodb.com/?a=b",
        "https://169.254.169.254",
        "http://[::ffff:127.0.0.1]",
        "ftp://localhost",
        "cloud.mongodb.com",
    ] {
        assert!(!fits(url), "{url}");
    }
}

#[test]
fn an_issuer_comes_with_its_audience_and_over_https() {
    let audience = ("SLATEGATE_OIDC_AUDIENCE", "slategate");
    let issuer = |url| ("SLATEGATE_OIDC_ISSUER", url);
    assert_eq!(config(&[]).oidc, None);
    let oidc = config(&[issuer("https://id.example/realms/main/"), audience]).oidc.unwrap();
    assert_eq!(
        (oidc.issuer_text.as_str(), oidc.role_claim.as_str()),
        ("https://id.example/realms/main/", "slategate_role")
    );
    assert!(config(&[issuer("http://127.0.0.1:9000"), audience]).oidc.is_some());
    assert_eq!(problems(&[audience]), ["SLATEGATE_OIDC_ISSUER is not set; expected the issuer's URL"],);
    assert_eq!(problems(&[issuer("https://id.example")]).len(), 1);
    for url in ["http://id.example", "https://u:p@id.example", "https://id.example/?a", "id.example", "ftp://localhost"]
    {
        assert_eq!(problems(&[issuer(url), audience]).len(), 1, "{url}");
    }
}

#[test]
fn freshness_follows_a_rare_schedule_unless_it_is_set() {
    let weekdays = ("SLATEGATE_SYNC_SCHEDULE", "0 9 * * 1-5");
    assert_eq!(config(&[weekdays]).freshness, TimeDelta::days(9));
    assert_eq!(config(&[weekdays, ("SLATEGATE_FRESHNESS", "6")]).freshness, TimeDelta::hours(6));
}

#[cfg(unix)]
#[test]
fn text_that_is_not_utf8_is_a_problem() {
    use std::os::unix::ffi::OsStringExt;
    let found = Config::from_vars([("SLATEGATE_LOG", OsString::from_vec(vec![0xff]))]).unwrap_err().problems;
    assert_eq!(found, ["SLATEGATE_LOG is not UTF-8; expected text"]);
}

#[test]
fn the_help_and_the_readme_name_every_variable() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    for (name, ..) in VARIABLES {
        assert!(help().contains(name), "{name}");
        assert!(readme.contains(&format!("`{name}`")), "README.md says nothing of {name}");
    }
}

#[test]
fn metrics_and_traces_go_nowhere_unless_they_are_told_where() {
    let nothing = config(&[]);
    assert_eq!((nothing.metrics_listen, nothing.traces), (None, None));
    let found = config(&[
        ("SLATEGATE_METRICS_LISTEN", "127.0.0.1:9100"),
        ("SLATEGATE_OTLP_ENDPOINT", "http://collector:4318"),
        ("SLATEGATE_TRACE_SAMPLE_RATIO", "0.25"),
    ]);
    let endpoint = "http://collector:4318".parse().unwrap();
    assert_eq!(found.traces, Some(TraceSettings { endpoint, sample_ratio: 0.25 }));
    assert_eq!(found.metrics_listen, Some("127.0.0.1:9100".parse().unwrap()));
    for endpoint in ["collector:4318", "grpc://collector", "http://u@c", "http://:hunter2@c", "http://c/?key=hunter2"] {
        let problems = problems(&[("SLATEGATE_OTLP_ENDPOINT", endpoint)]);
        assert!(problems.len() == 1 && !problems.concat().contains("hunter2"), "{endpoint}: {problems:?}");
    }
    for ratio in ["-0.1", "1.1", "NaN", "inf", "half"] {
        assert_eq!(problems(&[("SLATEGATE_TRACE_SAMPLE_RATIO", ratio)]).len(), 1, "{ratio}");
    }
}
