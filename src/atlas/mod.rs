//! The Atlas Administration API: its rows in, domain values out.

pub mod convert;
pub mod dto;
