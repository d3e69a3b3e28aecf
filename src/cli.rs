//! The commands. Those that only need the database are done here; the others belong to `main`.

mod admin;
mod audit;
mod keys;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use admin::{migrate, token, workspace};
pub use audit::audit;
pub use keys::key;

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
    Migrate,
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
    },
    /// Revoke a token; running servers refuse it within five seconds
    Revoke {
        /// The number that `token list` shows
        id: i64,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
pub struct TokenCreate {
    /// What the token is for, as lists show it
    #[arg(long)]
    pub name: String,
    /// viewer reads; analyst also edits inventory, links and people; admin also connects and disconnects
    #[arg(long)]
    pub role: RoleArg,
    #[command(flatten)]
    pub place: Place,
    /// Days until the token expires
    #[arg(long, value_name = "DAYS", default_value_t = DEFAULT_TTL_DAYS)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=i64::from(LONGEST_TTL_DAYS)))]
    pub expires_in_days: u16,
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
    List,
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
    },
}

#[derive(Debug, Subcommand)]
pub enum WorkspaceCommand {
    /// Make a workspace: its own integrations, people, results and tokens
    #[command(after_help = WORKSPACE_EXAMPLES)]
    Create { name: String },
    /// List the workspaces
    List,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    Viewer,
    Analyst,
    Admin,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Viewer => Self::Viewer,
            RoleArg::Analyst => Self::Analyst,
            RoleArg::Admin => Self::Admin,
        }
    }
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
  slategate token create --name ops --role admin --workspace emea";

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

#[cfg(test)]
mod tests;
