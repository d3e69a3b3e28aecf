//! Rows as Atlas sends them, odd rows, and rows that mean harm.

mod account;
mod cluster;
mod hostile;
mod recorded;
mod small;
