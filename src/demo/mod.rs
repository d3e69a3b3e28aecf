//! The Atlas of the demonstration: a simulator at a socket, and invented estates to serve.
//!
//! What the first estate shows, cluster by cluster, stands in [`estate`].

pub mod build;
pub mod estate;
pub mod keys;
pub mod model;
pub mod people;
mod play;
pub mod simulator;

pub use estate::organizations;
pub use keys::{DemoKey, keys};
pub use model::{Key, KeyRole, Organization, ProjectEstate};
pub use people::{Annotation, annotations, links, people};
pub use play::{DemoOptions, play};
pub use simulator::{Refusal, RefusalId, Simulator, SimulatorOptions};
