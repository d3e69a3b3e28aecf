//! The Atlas of the demonstration: a simulator at a socket, and invented estates to serve.

pub mod build;
pub mod model;
pub mod simulator;

pub use model::{Key, KeyRole, Organization, ProjectEstate};
pub use simulator::{Simulator, SimulatorOptions};
