//! One sync: fetch everything, plan the difference, write it in one transaction.

pub mod fetch;
