//! `slategate demo`: the gateway over the simulated Atlas, with a first sync, some people and queries to try.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use async_graphql::Request;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::{Simulator, SimulatorOptions, annotations, keys, links, organizations, people};
use crate::auth::{self, NewToken};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::UserDataClassification;
use crate::gateway::Gateway;
use crate::graphql;
use crate::lifecycle::Lifecycle;
use crate::store::audit::Actor;
use crate::store::read::page::{Direction, Window};
use crate::store::read::{AccountFilter, AccountOrder, AssetFilter, AssetOrder, PersonFilter};
use crate::store::views::{Caller, CallerPerson, Role, SyncRunView};
use crate::store::workspaces::DEFAULT_WORKSPACE;
use crate::sync::{AssetEdit, Patch, PersonEdit, RefusalCode, SyncRequest};

const FAVOURITE_PORT: u16 = 8080;
const FIRST_LINES: usize = 12;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Queries worth trying, each with what it shows.
const QUERIES: [(&str, &str); 3] = [
    (
        "What fails, and why",
        "{ controlResults(first: 3, filter: { outcome: [FAIL] }) { totalCount nodes { control { title } subject { __typename ... on AtlasCluster { name } ... on Account { login } } reason message } } }",
    ),
    (
        "The inventory",
        "{ assets(first: 3) { totalCount nodes { name project { name } owner { fullName } userData ... on AtlasCluster { tiers regions { cloud name } backup { enabled } encryption { atRest } } } } }",
    ),
    (
        "Who has access, and through what",
        "{ accounts(first: 3, filter: { flag: [LEAVER] }) { totalCount nodes { login person { fullName endsOn } privileged grants { role via team project { name } } } } }",
    ),
];

/// Where the demo listens and keeps its data.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// None: a temporary folder, removed at the end.
    pub data: Option<PathBuf>,
    /// 0: 8080 if it is free, else any.
    pub port: u16,
}

/// Runs the demo until the word to stop.
pub async fn play(options: DemoOptions, clock: Clock, lifecycle: Lifecycle) -> anyhow::Result<()> {
    let temporary = if options.data.is_none() { Some(TempDir::with_prefix("slategate-demo-")?) } else { None };
    let folder = match (&options.data, &temporary) {
        (Some(folder), _) => folder.clone(),
        (None, Some(folder)) => folder.path().to_owned(),
        (None, None) => bail!("no folder for the demo's data"),
    };
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot use {}", folder.display()))?;
    let listener = listen(options.port).await?;
    let address = listener.local_addr()?;
    let simulator = Simulator::start(organizations(), SimulatorOptions { clock: clock.clone(), ..Default::default() });
    let simulator = simulator.await.context("cannot start the simulated Atlas")?;
    let config = config(&folder, &simulator)?;
    let _lock = match &config.database_file {
        Some(file) => Some(crate::lifecycle::InstanceLock::acquire(file)?),
        None => None,
    };
    let gateway = Gateway::open(&config, clock.clone(), true, lifecycle.clone()).await?;
    let (store, engine) = (gateway.store.clone(), gateway.engine.clone());
    let schema = graphql::schema(graphql::State { store: store.clone(), engine: engine.clone(), clock: clock.clone() });
    let workspace = store.ensure_default_workspace().await?;
    let stop = lifecycle.shutdown.clone();
    let running = gateway.run(listener);
    let showing = async {
        let scene = Scene { store, engine, workspace };
        scene.set().await?;
        let new = NewToken { name: "demo", role: Role::Admin, person: None, ttl_days: 1 };
        let (_, token) = auth::issue(&scene.store, &scene.actor(), new, clock.now()).await?;
        let state = graphql::State { store: scene.store.clone(), engine: scene.engine.clone(), clock: clock.clone() };
        let text = scene.describe(&schema, &state, &address.to_string(), token.expose()).await?;
        io::stdout().write_all(text.as_bytes())?;
        io::stdout().flush()?;
        stop.cancelled().await;
        anyhow::Ok(())
    };
    tokio::pin!(running, showing);
    let ended = tokio::select! {
        ended = &mut running => ended,
        shown = &mut showing => match shown {
            Ok(()) => running.await,
            Err(error) => {
                lifecycle.shutdown.cancel();
                running.await?;
                Err(error)
            }
        },
    };
    simulator.shutdown().await;
    ended
}

async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    if port != 0 {
        return TcpListener::bind(("127.0.0.1", port)).await.with_context(|| format!("port {port} cannot be used"));
    }
    match TcpListener::bind(("127.0.0.1", FAVOURITE_PORT)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(("127.0.0.1", 0)).await.context("no port can be used"),
    }
}

fn config(folder: &Path, simulator: &Simulator) -> anyhow::Result<Config> {
    let database = format!("sqlite://{}", folder.join("slategate.db").display());
    let base_url = simulator.base_url().to_string();
    Ok(Config::from_vars([
        ("SLATEGATE_DATABASE_URL", database.as_str()),
        ("SLATEGATE_ATLAS_BASE_URL", base_url.trim_end_matches('/')),
        ("SLATEGATE_SYNC_SCHEDULE", "0 * * * * *"),
    ])?)
}

/// The organization, people and edits that the demo shows.
struct Scene {
    store: crate::store::Store,
    engine: crate::sync::Engine,
    workspace: i64,
}

impl Scene {
    fn actor(&self) -> Actor {
        Actor { workspace: self.workspace, key: "demo".to_owned(), name: "demo".to_owned(), request_id: None }
    }

    async fn set(&self) -> anyhow::Result<()> {
        let Some(key) = keys().into_iter().next() else { bail!("the demo has no key") };
        let private = SecretString::from(key.private);
        let (run, is_new) = match self.engine.connect(&self.actor(), key.public, private).await? {
            Ok(connected) => (connected.run_id, true),
            Err(refusals) if refusals.iter().any(|refusal| refusal.code == RefusalCode::AlreadyConnected) => {
                (self.sync_again().await?, false)
            }
            Err(refusals) => bail!("the simulated Atlas refused: {refusals:?}"),
        };
        if let Some(run) = run {
            self.follow(run).await?;
        }
        self.load_people().await?;
        if is_new {
            self.annotate().await?;
        }
        Ok(())
    }

    async fn sync_again(&self) -> anyhow::Result<Option<i64>> {
        let reader = self.store.reader(self.workspace).await?;
        let window = Window { limit: 1, ..Window::default() };
        let first = reader.integrations(&window).await?.rows.into_iter().next();
        reader.finish().await?;
        let Some((integration, _)) = first else { return Ok(None) };
        Ok(match self.engine.request_sync(&self.actor(), integration.id).await? {
            Ok(SyncRequest::Queued(run) | SyncRequest::InProgress(run)) => Some(run),
            Err(_) => None,
        })
    }

    /// Waits for a run to end, with a progress line.
    async fn follow(&self, run: i64) -> anyhow::Result<()> {
        let mut line = Line::new();
        loop {
            let reader = self.store.reader(self.workspace).await?;
            let view = reader.runs_by_id(&[run]).await?.into_iter().next();
            reader.finish().await?;
            let Some(view) = view else { bail!("the first sync is gone") };
            line.show(&view)?;
            if view.finished_at.is_some() {
                return Ok(line.end()?);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn load_people(&self) -> anyhow::Result<()> {
        for person in people() {
            let patch = |date: Option<chrono::NaiveDate>| date.map_or(Patch::Keep, Patch::Set);
            let edit = PersonEdit {
                email: person.email,
                full_name: person.full_name,
                aliases: Patch::Set(person.aliases),
                status: Patch::Set(person.status),
                starts_on: patch(person.starts_on),
                ends_on: patch(person.ends_on),
                kept: Patch::Keep,
            };
            if let Err(refusals) = self.engine.upsert_person(&self.actor(), edit).await? {
                bail!("a person of the demo was refused: {refusals:?}");
            }
        }
        Ok(())
    }

    /// What the demo's people have entered by hand.
    async fn annotate(&self) -> anyhow::Result<()> {
        let reader = self.store.reader(self.workspace).await?;
        let all = Window { limit: 500, ..Window::default() };
        let people = reader.people(&PersonFilter::default(), &all).await?.rows;
        let assets = reader.assets(&AssetFilter::default(), AssetOrder::Name, Direction::Ascending, &all).await?.rows;
        let accounts =
            reader.accounts(&AccountFilter::default(), AccountOrder::Login, Direction::Ascending, &all).await?.rows;
        reader.finish().await?;
        let person = |email: &str| people.iter().find(|(view, _)| view.person.email == email).map(|(view, _)| view.id);
        for note in annotations() {
            let Some((asset, _)) = assets.iter().find(|(asset, _)| asset.cluster.name == note.cluster) else {
                continue;
            };
            let edit = AssetEdit {
                owner: note.owner.and_then(person).map_or(Patch::Keep, Patch::Set),
                description: note.description.map_or(Patch::Keep, |text| Patch::Set(text.to_owned())),
                user_data: note.user_data.map_or(Patch::Keep, |contains| Patch::Set(classification(contains))),
            };
            accepted(self.engine.update_asset(&self.actor(), asset.id, edit).await?)?;
        }
        for (login, email) in links() {
            let account = accounts.iter().find(|(account, _)| account.account.login == login);
            if let Some((account, _)) = account {
                accepted(self.engine.link_account(&self.actor(), account.id, person(email)).await?)?;
            }
        }
        Ok(())
    }

    async fn describe(
        &self,
        schema: &graphql::Schema,
        state: &graphql::State,
        address: &str,
        token: &str,
    ) -> anyhow::Result<String> {
        let mut text = String::new();
        writeln!(text, "\nGraphiQL   http://{address}/graphiql")?;
        writeln!(text, "Token      {token}")?;
        writeln!(text, "           (paste it into GraphiQL's token field; for curl: -H 'Authorization: Bearer ...')")?;
        let caller = Caller {
            workspace: self.workspace,
            workspace_name: DEFAULT_WORKSPACE.to_owned(),
            key: "demo".to_owned(),
            name: "demo".to_owned(),
            role: Role::Admin,
            person: CallerPerson::Nobody,
            request_id: None,
        };
        for (title, query) in QUERIES {
            let answer = graphql::execute(schema, state, caller.clone(), Request::new(query)).await;
            if let Some(error) = answer.errors.first() {
                bail!("a query of the demo failed: {}", error.message);
            }
            let answer = serde_json::to_string_pretty(&answer.data)?;
            writeln!(text, "\n{title}:\n  {query}")?;
            for line in answer.lines().take(FIRST_LINES) {
                writeln!(text, "  | {line}")?;
            }
            writeln!(text, "  | ...")?;
        }
        writeln!(text, "\nKeys of the simulated Atlas, to connect with connectMongoDbAtlas:")?;
        for key in keys() {
            let (organization, public, private, outcome) = (key.organization, key.public, key.private, key.outcome);
            writeln!(text, "  {public}  {private}  {organization}: {outcome}")?;
        }
        writeln!(text, "\nSyncs every minute. Ctrl-C ends it.")?;
        Ok(text)
    }
}

fn classification(contains: bool) -> UserDataClassification {
    if contains { UserDataClassification::ContainsUserData } else { UserDataClassification::NoUserData }
}

fn accepted(edit: Result<(), Vec<crate::sync::Refusal>>) -> anyhow::Result<()> {
    edit.map_err(|refusals| anyhow::anyhow!("an edit of the demo was refused: {refusals:?}"))
}

/// One line that is written over on a terminal, and written once per stage elsewhere.
struct Line {
    last: String,
    terminal: bool,
}

impl Line {
    fn new() -> Self {
        Self { last: String::new(), terminal: io::stderr().is_terminal() }
    }

    fn show(&mut self, run: &SyncRunView) -> io::Result<()> {
        let stage = run.stage.word().to_lowercase();
        let text = match (self.terminal, run.total) {
            (true, Some(total)) => format!("First sync: {stage} {}/{total}, {} requests", run.done, run.requests),
            (true, None) => format!("First sync: {stage}, {} requests", run.requests),
            (false, _) => format!("First sync: {stage}"),
        };
        if text == self.last {
            return Ok(());
        }
        let mut out = io::stderr();
        if self.terminal {
            write!(out, "\r{text:<70}")?;
        } else {
            writeln!(out, "{text}")?;
        }
        self.last = text;
        out.flush()
    }

    fn end(&self) -> io::Result<()> {
        if self.terminal { writeln!(io::stderr()) } else { Ok(()) }
    }
}
