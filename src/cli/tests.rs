use clap::CommandFactory;

use super::*;
use crate::auth::Token;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::Instant;
use crate::store::Store;

struct Desk {
    _folder: tempfile::TempDir,
    config: Config,
    clock: Clock,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("desk.db").display());
        let config = Config::from_vars([("SLATEGATE_DATABASE_URL", url)]).unwrap();
        Self { config, clock: Clock::manual(Instant::UNIX_EPOCH), _folder: folder }
    }

    /// What the command prints, or why it fails.
    async fn run(&self, line: &str) -> Result<String, String> {
        let parsed = Cli::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
        let (config, clock) = (&self.config, self.clock.clone());
        let mut out = Vec::new();
        let outcome = match parsed.command {
            Command::Token(command) => token(&command, config, clock, &mut out).await,
            Command::Workspace(command) => workspace(&command, config, clock, &mut out).await,
            Command::Migrate(command) => migrate(command, config, clock, &mut out).await,
            other => panic!("not a desk command: {other:?}"),
        };
        outcome.map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }
}

#[test]
fn the_definitions_hold_together() {
    Cli::command().debug_assert();
}

#[test]
fn serve_help_lists_every_variable() {
    let help = Cli::try_parse_from(["slategate", "serve", "--help"]).unwrap_err().to_string();
    for (name, default, meaning) in config::VARIABLES {
        assert!(help.contains(name) && help.contains(default) && help.contains(meaning), "{name}\n{help}");
    }
}

#[tokio::test]
async fn the_first_token_needs_no_preparation_and_is_all_that_is_printed() {
    let desk = Desk::new();
    let printed = desk.run("slategate token create --name ci --role viewer").await.unwrap();
    let token = Token::parse(printed.strip_suffix('\n').unwrap()).expect("only a token is printed");

    let store = Store::connect(desk.config.store_options(desk.clock.clone())).await.unwrap();
    let live = store.token_by_hash(&token.hash(), desk.clock.now()).await.unwrap().unwrap();
    assert_eq!((live.caller.workspace_name.as_str(), live.caller.role), ("default", Role::Viewer));
    assert_eq!(live.expires_at, desk.clock.now() + chrono::TimeDelta::days(90));
}

#[tokio::test]
async fn tokens_are_listed_without_themselves_and_revoked_once() {
    let desk = Desk::new();
    desk.run("slategate token create --name ci --role analyst --expires-in-days 365").await.unwrap();
    let list = "slategate token list";
    assert_eq!(desk.run(list).await.unwrap(), "1\tanalyst\tci\texpires 1971-01-01\tnever used\n");
    desk.run("slategate token revoke 1").await.unwrap();
    assert_eq!(desk.run(list).await.unwrap(), "1\tanalyst\tci\trevoked 1970-01-01\tnever used\n");
    let again = desk.run("slategate token revoke 1").await.unwrap_err();
    assert_eq!(again, "workspace default has no token 1 that could be revoked");
}

#[tokio::test]
async fn a_workspace_is_made_once_and_holds_its_own_tokens() {
    let desk = Desk::new();
    let create = "slategate token create --name ops --role admin --workspace emea";
    let missing = desk.run(create).await.unwrap_err();
    assert_eq!(missing, "there is no workspace emea; `slategate workspace create emea` makes it");
    desk.run("slategate workspace create emea").await.unwrap();
    desk.run(create).await.unwrap();
    assert_eq!(desk.run("slategate workspace list").await.unwrap(), "default\nemea\n");
    assert_eq!(desk.run("slategate token list").await.unwrap(), "");
    assert_eq!(desk.run("slategate token list --workspace emea").await.unwrap().lines().count(), 1);
    let twice = desk.run("slategate workspace create emea").await.unwrap_err();
    assert_eq!(twice, "there is a workspace emea already");
}

#[tokio::test]
async fn an_empty_database_is_made_ready_by_the_first_command() {
    let desk = Desk::new();
    std::fs::write(desk.config.database_file.as_ref().unwrap(), "").unwrap();
    desk.run("slategate token create --name ci --role viewer").await.unwrap();
    assert_eq!(desk.run("slategate token list").await.unwrap().lines().count(), 1);
}

#[tokio::test]
async fn lifetimes_and_roles_out_of_range_are_refused() {
    let desk = Desk::new();
    for tail in ["--role viewer --expires-in-days 0", "--role viewer --expires-in-days 366", "--role owner"] {
        assert!(desk.run(&format!("slategate token create --name ci {tail}")).await.is_err(), "{tail}");
    }
    assert!(!desk.config.database_file.as_ref().unwrap().exists());
}
