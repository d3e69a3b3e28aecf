//! Parses the command, starts telemetry, runs it, and turns the end into an exit code.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use slategate::cli::{self, Cli, Command, Demo, Health, Serve};
use slategate::clock::Clock;
use slategate::config::{Config, ConfigError};
use slategate::demo::{DemoOptions, play};
use slategate::gateway::Gateway;
use slategate::lifecycle::{HELD_EXIT_CODE, InstanceLock, Lifecycle, LockError, shutdown_on_signals};
use slategate::telemetry::{self, LogFormat, traces};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What a bad setting exits with, as `sysexits.h` has it.
const CONFIGURATION_EXIT_CODE: u8 = 78;
/// The demo speaks for itself; only what goes wrong is logged.
const DEMO_LOG: &str = "warn";

/// What blocks a thread at the end, such as a name that is looked up, is left behind after so long.
const END_WITHIN: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let ended = tokio::runtime::Runtime::new().context("no threads can be started").and_then(|runtime| {
        let ended = runtime.block_on(run(command));
        runtime.shutdown_timeout(END_WITHIN);
        ended
    });
    match ended {
        Ok(code) => code,
        Err(error) => {
            // Nothing is left to be told if even stderr is gone.
            let _gone = writeln!(io::stderr(), "slategate: {error:#}");
            exit_code(&error)
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    // Two providers are linked in; without a word neither would be the default.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider is installed already"))?;
    let (clock, out) = (Clock::System, &mut io::stdout());
    match command {
        Command::Schema => out.write_all(slategate::graphql::sdl().as_bytes())?,
        Command::Completions { shell } => out.write_all(&completions(shell))?,
        Command::Demo(demo) => Box::pin(run_demo(demo)).await?,
        Command::Serve(serve) => run_serve(&serve).await?,
        Command::Doctor(command) => return examine(command, clock).await,
        Command::Migrate(command) => cli::migrate(command, &configured()?, clock, out).await?,
        Command::Token(command) => cli::token(&command, &configured()?, clock, out).await?,
        Command::Key(command) => cli::key(command, &configured()?, clock, out).await?,
        Command::Audit(command) => cli::audit(&command, &configured()?, clock, out).await?,
        Command::Workspace(command) => cli::workspace(&command, &configured()?, clock, out).await?,
        Command::People(command) => cli::people(&command, &configured()?, clock, out).await?,
        Command::Backup(command) => cli::backup(&command, &configured()?, clock, out).await?,
        Command::Restore(command) => cli::restore(&command, &configured()?, clock, out).await?,
        Command::Prune(command) => {
            let stop = CancellationToken::new();
            shutdown_on_signals(stop.clone())?;
            cli::prune(&command, &configured()?, clock, &stop, out).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says by itself what is wrong, bad settings included, and so logs nothing.
async fn examine(command: cli::Doctor, clock: Clock) -> anyhow::Result<ExitCode> {
    let health = cli::doctor(command, Config::from_env(), clock, &mut io::stdout()).await?;
    Ok(match health {
        Health::Good => ExitCode::SUCCESS,
        Health::Bad => ExitCode::FAILURE,
        Health::Misconfigured => ExitCode::from(CONFIGURATION_EXIT_CODE),
    })
}

fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    cli::completions(shell, &mut script);
    script
}

fn configured() -> anyhow::Result<Config> {
    let config = Config::from_env()?;
    telemetry::start(&config.log, config.log_format)?;
    for name in &config.unknown {
        tracing::warn!(name, "this variable is no setting; `slategate serve --help` lists those that are");
    }
    Ok(config)
}

async fn run_serve(serve: &Serve) -> anyhow::Result<()> {
    let lifecycle = Lifecycle::default();
    shutdown_on_signals(lifecycle.shutdown.clone())?;
    let config = configured()?;
    let _lock = config.database_file.as_deref().map(InstanceLock::acquire).transpose()?;
    let traces = config.traces.as_ref().map(traces::start).transpose()?;
    let stop = lifecycle.shutdown.clone();
    // What is half done is rolled back.
    let opening = stop.run_until_cancelled(Gateway::open(&config, Clock::System, !serve.no_migrate, lifecycle)).await;
    let Some(gateway) = opening.transpose()? else { return Ok(()) };
    let scraped_on = match config.metrics_listen {
        Some(address) => Some(bind(address, "SLATEGATE_METRICS_LISTEN").await?),
        None => None,
    };
    if let Some(listener) = &scraped_on {
        tracing::info!(address = %listener.local_addr()?, "metrics are served");
    }
    let listener = bind(config.listen, "SLATEGATE_LISTEN").await?;
    tracing::info!(address = %listener.local_addr()?, graphiql = config.graphiql, "listening");
    let ended = gateway.scraped_on(scraped_on).run(listener).await;
    if let Some(traces) = traces {
        traces.end().await;
    }
    ended
}

async fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("cannot listen on {address}; free the address, or set {setting} to another"))
}

async fn run_demo(demo: Demo) -> anyhow::Result<()> {
    telemetry::start(DEMO_LOG, LogFormat::Text)?;
    let lifecycle = Lifecycle::default();
    shutdown_on_signals(lifecycle.shutdown.clone())?;
    Box::pin(play(DemoOptions { data: demo.data, port: demo.port }, Clock::System, lifecycle)).await
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<LockError>() {
        return ExitCode::from(HELD_EXIT_CODE);
    }
    if error.is::<ConfigError>() { ExitCode::from(CONFIGURATION_EXIT_CODE) } else { ExitCode::FAILURE }
}
