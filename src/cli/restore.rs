//! `slategate restore`: a database made anew from a backup. Nothing that is there is ever overwritten.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use secrecy::ExposeSecret;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::Restore;
use super::backup::{checksum, folder_of, persist, word};
use super::postgres::Tool;
use super::progress::Progress;
use crate::clock::Clock;
use crate::config::Config;
use crate::gateway::{CANNOT_OPEN, wrapped_data_keys};
use crate::lifecycle::InstanceLock;
use crate::store::{Store, StoreOptions, known_migrations};
use crate::vault::verify_or_refuse;

/// How the files of both kinds of backup begin.
const OF_SQLITE: &[u8] = b"SQLite format 3\0";
const OF_POSTGRES: &[u8] = b"PGDMP";

/// What the next step is.
const NEXT: &str = "Next: start `slategate serve`. API tokens that were revoked after the backup was made open the door \
                    again: `slategate token list` shows them.";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    database: &'static str,
    sha256: String,
    schema: Option<String>,
    /// What a newer program will apply at its start.
    pending_migrations: Vec<String>,
    workspaces: Vec<Verified>,
}

/// A workspace whose audit ledger holds, and where it ends.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    name: String,
    audit_sequence: i64,
    audit_hash: String,
}

pub async fn restore(
    command: &Restore,
    config: &Config,
    clock: Clock,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<()> {
    let (_, sha256) = checksum(&command.from)?;
    if let Some(expected) = &command.sha256 {
        ensure!(
            sha256.eq_ignore_ascii_case(expected.trim()),
            "{} has another checksum: {sha256}",
            command.from.display()
        );
    }
    let options = config.store_options(clock);
    let document = match &config.database_file {
        Some(target) => to_sqlite(command, config, options, target, sha256).await?,
        None => to_postgres(command, config, options, sha256).await?,
    };
    command.format.print(out, &document, |out| {
        document.workspaces.iter().try_for_each(|workspace| {
            let Verified { name, audit_sequence, audit_hash } = workspace;
            writeln!(out, "{name}\taudit ledger holds\t{audit_sequence}:{audit_hash}")
        })
    })?;
    if !command.format.json {
        writeln!(io::stderr(), "{NEXT}")?;
    }
    Ok(())
}

async fn to_sqlite(
    command: &Restore,
    config: &Config,
    options: StoreOptions,
    target: &Path,
    sha256: String,
) -> anyhow::Result<Document> {
    ensure!(!target.try_exists()?, "{} is there already; restore into a new file", target.display());
    begins_with(&command.from, OF_SQLITE, "SQLite", OF_POSTGRES, "PostgreSQL")?;
    let _lock = InstanceLock::acquire(target)?;
    let folder = folder_of(target);
    let mut copy = NamedTempFile::new_in(&folder).with_context(|| format!("cannot write to {}", folder.display()))?;
    let progress = Progress::begin("restoring", "files", Some(1));
    io::copy(&mut File::open(&command.from)?, copy.as_file_mut())?;
    copy.as_file().sync_all()?;
    progress.set(1);
    drop(progress);
    let url = format!("sqlite://{}", copy.path().display());
    let store = Store::connect(StoreOptions { url, ..options }).await.context("the backup cannot be opened")?;
    if let Some(damage) = store.damage().await? {
        bail!("the backup is damaged: {damage}");
    }
    let document = verified(&store, config, sha256).await?;
    store.close().await?;
    copy.as_file().sync_all()?;
    persist(copy, target, false)?;
    Ok(document)
}

async fn to_postgres(
    command: &Restore,
    config: &Config,
    options: StoreOptions,
    sha256: String,
) -> anyhow::Result<Document> {
    begins_with(&command.from, OF_POSTGRES, "PostgreSQL", OF_SQLITE, "SQLite")?;
    let store = Store::connect(options).await.context(CANNOT_OPEN)?;
    ensure!(
        store.is_empty().await?,
        "the database has tables already; restore into an empty one, as `createdb` makes it"
    );
    let url = config.database_url.expose_secret();
    let tool = Tool::new("pg_restore", "--pg-restore PATH", command.pg_restore.as_deref(), url)?;
    let from = command.from.as_os_str();
    let dump = Dump::read(&tool, from).await?;
    ensure_known(&dump.migrations)?;
    let roles = [dump.tenant.as_str(), dump.clerk.as_str()];
    store.ensure_roles(roles).await.with_context(|| {
        format!(
            "the roles {0} and {1} cannot be used; have an administrator of the server run: CREATE ROLE \"{0}\" NOLOGIN; \
             CREATE ROLE \"{1}\" NOLOGIN; and GRANT both to this login",
            dump.tenant, dump.clerk
        )
    })?;
    let mut list = NamedTempFile::new()?;
    list.write_all(dump.list.as_bytes())?;
    list.flush()?;
    let flags = ["--no-owner", "--no-password", "--exit-on-error", "--single-transaction", "--use-list"];
    let arguments = flags.iter().map(OsStr::new).chain([list.path().as_os_str()]);
    let database = OsStr::new("--dbname=");
    let progress = Progress::begin("restoring", "databases", Some(1));
    tool.output(arguments.chain([database, from])).await.context("nothing was restored")?;
    progress.set(1);
    drop(progress);
    store.show_owner_all().await?;
    let document =
        verified(&store, config, sha256).await.context("the data was restored, but is not to be relied upon")?;
    store.close().await?;
    Ok(document)
}

/// What is known of a dump before it is restored.
struct Dump {
    /// Its contents but for the policies of the tables' owner, who has another name here.
    list: String,
    migrations: Vec<String>,
    tenant: String,
    clerk: String,
}

impl Dump {
    async fn read(tool: &Tool, from: &OsStr) -> anyhow::Result<Self> {
        let contents = tool.output([OsStr::new("--list"), from]).await?;
        let to_text = ["--file=-"].map(OsStr::new);
        let table = ["--data-only", "--table=seaql_migrations"].map(OsStr::new);
        let applied = tool.output(to_text.into_iter().chain(table).chain([from])).await?;
        let role = async |function: &'static str| {
            let only = ["--schema-only", function].map(OsStr::new);
            let text = tool.output(to_text.into_iter().chain(only).chain([from])).await?;
            literal(&text).context("the file is no backup of this program: it names no roles")
        };
        Ok(Self {
            list: contents.lines().filter(|line| !is_of_owner(line)).flat_map(|line| [line, "\n"]).collect(),
            migrations: copied(&applied),
            tenant: role("--function=slategate_tenant()").await?,
            clerk: role("--function=slategate_clerk()").await?,
        })
    }
}

/// A line of a dump's contents such as `3597; 3256 16997 POLICY public account owner login`.
fn is_of_owner(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    matches!(words.as_slice(), [_, _, _, "POLICY", _, _, "owner", ..])
}

/// The first column of the rows of a `COPY`.
fn copied(text: &str) -> Vec<String> {
    let rows = text.lines().skip_while(|line| !line.starts_with("COPY ")).skip(1).take_while(|line| *line != "\\.");
    rows.filter_map(|row| row.split('\t').next()).map(str::to_owned).collect()
}

/// The text that a function of the form `SELECT 'TEXT'` gives.
fn literal(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("SELECT '")?;
    let end = rest.find("'$").or_else(|| rest.rfind('\''))?;
    Some(rest[..end].replace("''", "'"))
}

/// Refuses what a newer program, or another line of it, has made.
fn ensure_known(applied: &[String]) -> anyhow::Result<()> {
    ensure!(!applied.is_empty(), "the file is no backup of this program: it names no migrations");
    let known = known_migrations();
    match applied.iter().find(|name| !known.contains(name)) {
        Some(name) => bail!("the backup was made by a newer version, with {name}; restore it with that one"),
        None => Ok(()),
    }
}

fn begins_with(file: &Path, with: &[u8], name: &str, other: &[u8], other_name: &str) -> anyhow::Result<()> {
    let mut head = Vec::new();
    File::open(file)?.take(u64::try_from(OF_SQLITE.len())?).read_to_end(&mut head)?;
    if head.starts_with(other) {
        bail!("{} is a backup of {other_name}; SLATEGATE_DATABASE_URL names {name}", file.display());
    }
    ensure!(head.starts_with(with), "{} is no backup of this program", file.display());
    Ok(())
}

/// Checks what was restored: its schema, the audit ledgers, and that the master keys open what is sealed.
async fn verified(store: &Store, config: &Config, sha256: String) -> anyhow::Result<Document> {
    let schema = store.schema().await?;
    ensure_known(&[schema.applied.as_slice(), &schema.unknown].concat())?;
    let data_keys = wrapped_data_keys(store).await?;
    if !data_keys.is_empty() {
        verify_or_refuse(&config.master_keys, false, &data_keys).context("the stored credentials cannot be opened")?;
    }
    let mut workspaces = Vec::new();
    for (id, name) in store.workspaces().await? {
        match store.verify_audit(id, None).await? {
            Ok(head) => workspaces.push(Verified { name, audit_sequence: head.sequence, audit_hash: head.hash }),
            Err(broken) => bail!("the audit ledger of workspace {name} is broken: {broken}"),
        }
    }
    Ok(Document {
        database: word(store.backend()),
        sha256,
        schema: schema.applied.last().cloned(),
        pending_migrations: schema.pending,
        workspaces,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owners_policies_are_told_from_the_others() {
        assert!(is_of_owner("3597; 3256 16997 POLICY public account owner login"));
        assert!(!is_of_owner("3596; 3256 16996 POLICY public account tenant login"));
        assert!(!is_of_owner("215; 1259 16390 TABLE public account owner"));
    }

    #[test]
    fn a_dump_says_what_was_applied_and_which_roles_it_names() {
        let text =
            "SET x = 0;\nCOPY public.seaql_migrations (version, applied_at) FROM stdin;\nm1\t5\nm2\t6\n\\.\n\n--\n";
        assert_eq!(copied(text), ["m1", "m2"]);
        let function = "CREATE FUNCTION public.slategate_tenant() RETURNS text\n    LANGUAGE sql IMMUTABLE\n    AS $$SELECT 'a''b_tenant'$$;\n";
        assert_eq!(literal(function).as_deref(), Some("a'b_tenant"));
    }
}
