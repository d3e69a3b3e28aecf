//! The HTTP edge over a real socket, with a toy schema behind it.

mod documents;
mod graphiql;
mod health;
mod requests;
mod socket;
mod stream;
mod toy;
