//! What tests are made with: a database of each kind, a simulated Atlas, and the engine between them.

mod chance;
pub mod database;
mod exposition;
pub mod fault_proxy;
mod own_postgres;
pub mod process;
pub mod sdl;
mod served;
pub mod socket;
pub mod tools;
mod world;

pub use chance::{Chance, is_long};
pub use database::{Database, Kind};
pub use exposition::Exposition;
pub use fault_proxy::{Fault, FaultProxy};
pub use own_postgres::{Halt, OwnPostgres};
pub use process::{Process, Signal};
pub use sdl::Sdl;
pub use served::Served;
pub use socket::Socket;
pub use world::{Setting, World, column, text, written};

/// Runs one async test on SQLite and on PostgreSQL.
///
/// Without PostgreSQL the second half fails and says what to do, unless `SLATEGATE_TEST_SQLITE_ONLY` is set.
#[macro_export]
macro_rules! on_both_databases {
    ($($(#[$meta:meta])* async fn $name:ident($database:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn check($database: $crate::support::Database) $body

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                check($crate::support::Database::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(database) = $crate::support::Database::postgres().await {
                    let cleanup = database.clone();
                    check(database).await;
                    cleanup.drop_postgres().await;
                }
            }
        }
    )+};
}
