//! The commands. Those that only need the database are done here; the others belong to `main`.

mod admin;
mod audit;
mod backup;
mod doctor;
mod format;
mod keys;
mod people;
mod postgres;
mod progress;
mod prune;
mod restore;

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use admin::{migrate, token, workspace};
pub use audit::audit;
pub use backup::backup;
pub use doctor::{Health, doctor};
pub use format::Format;
pub use keys::key;
pub use people::people;
pub use prune::prune;
pub use restore::restore;

use crate::auth::{DEFAULT_TTL_DAYS, LONGEST_TTL_DAYS};
use crate::config;
use crate::store::views::Role;
use crate::store::workspaces::DEFAULT_WORKSPACE;

#[derive(Debug, Parser)]
#[command(name = "slategate", version, about = "A GraphQL gateway over synced MongoDB Atlas compliance data")]
#[command(after_help = FIRST_STEPS, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the API and keep the data in sync
    #[command(after_help = config::help())]
    Serve(Serve),
    /// Serve the API over a made-up Atlas organization; needs no account and no settings
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(Demo),
    /// Bring the database's schema up to date, then exit
    Migrate(Migrate),
    /// Print the GraphQL schema
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema,
    /// Make, list and revoke API tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Rotate the master keys that protect stored credentials
    #[command(subcommand, after_help = KEY_EXAMPLES)]
    Key(KeyCommand),
    /// Check the audit ledger
    #[command(subcommand, after_help = AUDIT_EXAMPLES)]
    Audit(AuditCommand),
    /// Make workspaces
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// Bring in the personnel from a file
    #[command(subcommand)]
    People(PeopleCommand),
    /// Delete what is older than the settings keep; servers do it daily by themselves
    #[command(after_help = PRUNE_EXAMPLES)]
    Prune(Prune),
    /// Write the database as it is now to a file, beside running servers; the master keys are not in it
    #[command(after_help = BACKUP_EXAMPLES)]
    Backup(Backup),
    /// Make the database, which must be new or empty, from a backup, and check it
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore(Restore),
    /// Check settings, database, keys, clocks, Atlas, syncs and disks; changes nothing
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(Doctor),
    /// Print a script that has a shell complete this program's commands
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions { shell: Shell },
}

#[derive(Debug, Clone, Copy, Args)]
pub struct Migrate {
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Prune {
    /// Only say what would be deleted
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Backup {
    /// The file to write: whole, or not at all
    #[arg(long, value_name = "PATH")]
    pub to: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    pub force: bool,
    #[arg(long, value_name = "PATH")]
    #[arg(help = "PostgreSQL's pg_dump, at least as new as the server [default: the one on PATH]")]
    pub pg_dump: Option<PathBuf>,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// What `slategate backup` wrote
    #[arg(long, value_name = "PATH")]
    pub from: PathBuf,
    /// The checksum that `slategate backup` printed: another file is refused
    #[arg(long, value_name = "HEX")]
    pub sha256: Option<String>,
    #[arg(long, value_name = "PATH")]
    #[arg(help = "PostgreSQL's pg_restore, at least as new as the pg_dump of the backup [default: the one on PATH]")]
    pub pg_restore: Option<PathBuf>,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, Args)]
pub struct Doctor {
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Subcommand)]
pub enum PeopleCommand {
    /// Create and change people by e-mail address: every row of the file, or none
    #[command(after_help = PEOPLE_EXAMPLES)]
    Import {
        /// CSV with a header; columns are email, fullName, aliases, status, startsOn and endsOn
        file: PathBuf,
        /// merge: everybody else stays; full: whoever works here and has no row is marked as left
        #[arg(long, value_enum, default_value_t = ImportModeArg::Merge)]
        mode: ImportModeArg,
        /// Only say what would be changed
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportModeArg {
    Merge,
    Full,
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Refuse to start when the schema is not up to date, instead of migrating it
    #[arg(long)]
    pub no_migrate: bool,
}

#[derive(Debug, Args)]
pub struct Demo {
    /// Folder to keep the demo's data in [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Port on 127.0.0.1; 0 takes 8080 if it is free, else any
    #[arg(long, default_value_t = 0)]
    pub port: u16,
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token and print it; it is never shown again
    #[command(after_help = TOKEN_EXAMPLES)]
    Create(TokenCreate),
    /// List a workspace's tokens, without the tokens themselves
    List {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        format: Format,
    },
    /// Revoke a token; running servers refuse it within five seconds
    Revoke {
        /// The number that `token list` shows
        id: i64,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Debug, Args)]
pub struct TokenCreate {
    /// What the token is for, as lists show it
    #[arg(long)]
    pub name: String,
    /// viewer reads; analyst also edits inventory, links and people; admin also connects and disconnects; scim only
    /// provisions people at /scim/v2
    #[arg(long)]
    pub role: RoleArg,
    /// E-mail address of the person who calls with it: reviewers of access need one
    #[arg(long, value_name = "EMAIL")]
    pub person: Option<String>,
    #[command(flatten)]
    pub place: Place,
    /// Days until the token expires
    #[arg(long, value_name = "DAYS", default_value_t = DEFAULT_TTL_DAYS)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=i64::from(LONGEST_TTL_DAYS)))]
    pub expires_in_days: u16,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Place {
    /// The workspace's name
    #[arg(long, value_name = "NAME", default_value = DEFAULT_WORKSPACE)]
    pub workspace: String,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub enum KeyCommand {
    /// Make the key file of a new database; with SQLite `slategate serve` does it by itself
    Create,
    /// Make a new master key and wrap every data key with it; may be cut off and run again, beside running servers
    Rotate {
        /// Only add the new key to the file, to be copied to other machines before the rotation
        #[arg(long)]
        prepare: bool,
    },
    /// List the master keys and how many workspaces need each; shows no key
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Remove the master keys that no workspace needs any more
    Prune,
}

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walk the chain of hashes from its beginning, and print its head as SEQUENCE:HASH
    Verify {
        /// A head that was printed before: it must still be in the chain
        #[arg(long, value_name = "SEQUENCE:HASH")]
        head: Option<String>,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Debug, Subcommand)]
pub enum WorkspaceCommand {
    /// Make a workspace: its own integrations, people, results and tokens
    #[command(after_help = WORKSPACE_EXAMPLES)]
    Create {
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// List the workspaces
    List {
        #[command(flatten)]
        format: Format,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    Scim,
    Viewer,
    Analyst,
    Admin,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Scim => Self::Scim,
            RoleArg::Viewer => Self::Viewer,
            RoleArg::Analyst => Self::Analyst,
            RoleArg::Admin => Self::Admin,
        }
    }
}

/// Writes the script for this shell.
pub fn completions(shell: Shell, out: &mut dyn std::io::Write) {
    clap_complete::generate(shell, &mut Cli::command(), "slategate", out);
}

const FIRST_STEPS: &str = "\
First steps:
  slategate demo                                      look around without an Atlas account
  slategate token create --name me --role admin       make a token
  slategate serve                                     serve on 127.0.0.1:8080

Settings come from the environment; `slategate serve --help` lists them.";

const DEMO_EXAMPLES: &str = "\
Examples:
  slategate demo
  slategate demo --data ./demo --port 9000";

const SCHEMA_EXAMPLES: &str = "\
Example:
  slategate schema > schema.graphql";

const TOKEN_EXAMPLES: &str = "\
Examples:
  slategate token create --name ci --role viewer
  TOKEN=$(slategate token create --name dashboard --role analyst --expires-in-days 30)
  slategate token create --name ops --role admin --workspace emea
  slategate token create --name okta --role scim --expires-in-days 365";

const KEY_EXAMPLES: &str = "\
Examples:
  slategate key create                once, before the first start on PostgreSQL
  slategate key rotate                one key file, shared by every server
  slategate key rotate --prepare      several copies: add a key, copy the file to every server,
  slategate key rotate                then take the key into use
  slategate key prune                 afterwards: forget the keys that nothing needs";

const AUDIT_EXAMPLES: &str = "\
Examples:
  slategate audit verify                    prints the head; keep it somewhere else
  slategate audit verify --head 41:9f2c...  fails when anything up to there was changed or cut off";

const WORKSPACE_EXAMPLES: &str = "\
Example:
  slategate workspace create emea
  slategate token create --name ops --role admin --workspace emea";

const PRUNE_EXAMPLES: &str = "\
SLATEGATE_HISTORY_DAYS and SLATEGATE_RUNS_DAYS say what is kept.

Examples:
  slategate prune --dry-run                          how much would go
  SLATEGATE_HISTORY_DAYS=365 slategate prune         keep one year; what is gone cannot be had back
  slategate prune --json | jq '.workspaces[].total'";

const BACKUP_EXAMPLES: &str = "\
Examples:
  slategate backup --to /backups/slategate.backup
  slategate backup --to /backups/slategate.backup > /backups/slategate.sha256
  slategate backup --to nightly.backup --force --json

The checksum is printed as sha256sum does it. Keep the master keys elsewhere: who has both has the Atlas keys.";

const RESTORE_EXAMPLES: &str = "\
Examples:
  SLATEGATE_DATABASE_URL=sqlite:///var/lib/slategate/slategate.db slategate restore --from slategate.backup
  createdb slategate
  SLATEGATE_DATABASE_URL=postgres://slategate@db/slategate slategate restore --from slategate.backup";

const DOCTOR_EXAMPLES: &str = "\
Exit codes: 0 when nothing failed, 1 when something did, 78 when the settings are not usable.

Examples:
  slategate doctor
  slategate doctor --json | jq '.checks[] | select(.state != \"OK\")'";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  slategate completions bash > /etc/bash_completion.d/slategate
  slategate completions zsh > ~/.zfunc/_slategate
  slategate completions fish > ~/.config/fish/completions/slategate.fish";

const PEOPLE_EXAMPLES: &str = "\
Examples:
  slategate people import people.csv --dry-run
  slategate people import everybody.csv --mode full --workspace emea";

#[cfg(test)]
mod tests;
