//! Who is let in, and what those learn who are not.

mod alike;
mod attempts;
mod names;
