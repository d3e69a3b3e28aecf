//! How a conversation ends, by the codes of `graphql-transport-ws` and of WebSocket itself.

use axum::extract::ws::CloseFrame;

/// The longest reason that a close frame holds, in bytes.
const LONGEST_REASON: usize = 123;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Farewell {
    GoingAway,
    TooBig,
    /// The client does not read what it is sent.
    TooSlow,
    TooManyConnections,
    /// Too many failed attempts from its address, for so many seconds.
    LockedOut(u32),
    /// Callers cannot be told apart just now.
    Unavailable,
    /// No message of the protocol.
    BadMessage(&'static str),
    Unauthorized,
    Forbidden,
    WrongProtocol,
    InitTimeout,
    Duplicate(String),
    SecondInit,
}

impl Farewell {
    const fn code(&self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::TooBig => 1009,
            Self::TooSlow | Self::TooManyConnections | Self::LockedOut(_) | Self::Unavailable => 1013,
            Self::BadMessage(_) => 4400,
            Self::Unauthorized => 4401,
            Self::Forbidden => 4403,
            Self::WrongProtocol => 4406,
            Self::InitTimeout => 4408,
            Self::Duplicate(_) => 4409,
            Self::SecondInit => 4429,
        }
    }

    fn reason(&self) -> String {
        let reason = match self {
            Self::GoingAway => "The server is stopping",
            Self::TooBig => "Message too big",
            Self::TooSlow => "Messages are not read fast enough",
            Self::TooManyConnections => "Too many connections with this token",
            Self::LockedOut(seconds) => return format!("Too many failed attempts, try again in {seconds} seconds"),
            Self::Unavailable => "The caller cannot be identified just now, try again",
            Self::BadMessage(what) => what,
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::WrongProtocol => "Subprotocol not acceptable",
            Self::InitTimeout => "Connection initialisation timeout",
            Self::Duplicate(id) => return shortened(&format!("Subscriber for {id} already exists")),
            Self::SecondInit => "Too many initialisation requests",
        };
        shortened(reason)
    }

    pub fn frame(&self) -> CloseFrame {
        CloseFrame { code: self.code(), reason: self.reason().into() }
    }
}

fn shortened(reason: &str) -> String {
    reason[..reason.floor_char_boundary(LONGEST_REASON)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_id_is_cut_to_what_a_close_frame_holds() {
        let frame = Farewell::Duplicate("ö".repeat(300)).frame();
        assert_eq!(frame.code, 4409);
        assert!(frame.reason.len() <= LONGEST_REASON && frame.reason.starts_with("Subscriber for ö"));
        assert_eq!(Farewell::Duplicate("7".to_owned()).frame().reason.as_str(), "Subscriber for 7 already exists");
    }
}
