//! Parses the command, starts telemetry, runs it, and turns the end into an exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use slategate::cli::{self, Cli, Command, Demo, Serve};
use slategate::clock::Clock;
use slategate::config::{Config, ConfigError};
use slategate::demo::{DemoOptions, play};
use slategate::gateway::Gateway;
use slategate::lifecycle::{HELD_EXIT_CODE, InstanceLock, Lifecycle, LockError, shutdown_on_signals};
use slategate::telemetry::{self, LogFormat};
use tokio::net::TcpListener;

/// What a bad setting exits with, as `sysexits.h` has it.
const CONFIGURATION_EXIT_CODE: u8 = 78;
/// The demo speaks for itself; only what goes wrong is logged.
const DEMO_LOG: &str = "warn";

#[tokio::main]
async fn main() -> ExitCode {
    let command = Cli::parse().command;
    match Box::pin(run(command)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be told if even stderr is gone.
            let _gone = writeln!(io::stderr(), "slategate: {error:#}");
            exit_code(&error)
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    // Two providers are linked in; without a word neither would be the default.
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("a TLS provider is installed already"))?;
    match command {
        Command::Schema => Ok(io::stdout().write_all(slategate::graphql::sdl().as_bytes())?),
        Command::Demo(demo) => Box::pin(run_demo(demo)).await,
        Command::Serve(serve) => run_serve(&serve).await,
        Command::Migrate => cli::migrate(&configured()?, Clock::System).await,
        Command::Token(command) => cli::token(&command, &configured()?, Clock::System, &mut io::stdout()).await,
        Command::Key(command) => cli::key(command, &configured()?, Clock::System, &mut io::stdout()).await,
        Command::Workspace(command) => cli::workspace(&command, &configured()?, Clock::System, &mut io::stdout()).await,
    }
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
    let config = configured()?;
    let _lock = config.database_file.as_deref().map(InstanceLock::acquire).transpose()?;
    let lifecycle = Lifecycle::default();
    shutdown_on_signals(lifecycle.shutdown.clone())?;
    let gateway = Gateway::open(&config, Clock::System, !serve.no_migrate, lifecycle).await?;
    let listener = TcpListener::bind(config.listen).await?;
    tracing::info!(address = %listener.local_addr()?, graphiql = config.graphiql, "listening");
    gateway.run(listener).await
}

async fn run_demo(demo: Demo) -> anyhow::Result<()> {
    telemetry::start(DEMO_LOG, LogFormat::Text)?;
    let lifecycle = Lifecycle::default();
    shutdown_on_signals(lifecycle.shutdown.clone())?;
    Box::pin(play(DemoOptions { data: demo.data, port: demo.port }, Clock::System, lifecycle)).await
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    if let Some(LockError::Held { .. }) = error.downcast_ref() {
        return ExitCode::from(HELD_EXIT_CODE);
    }
    if error.is::<ConfigError>() { ExitCode::from(CONFIGURATION_EXIT_CODE) } else { ExitCode::FAILURE }
}
