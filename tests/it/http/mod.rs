//! The HTTP edge over a real socket, with a toy schema behind it.

mod crowd;
mod documents;
mod exports;
mod graphiql;
mod headers;
mod health;
mod requests;
mod socket;
mod stream;
mod toy;
