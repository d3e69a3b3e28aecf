//! Key pairs of the demonstration: who they belong to, and what happens when they are connected.
//!
//! They open nothing but the simulator, so they may be printed.

use super::build;
use super::model::Key;

/// A key pair and what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoKey {
    pub label: &'static str,
    pub public: &'static str,
    pub private: &'static str,
    pub organization: &'static str,
    /// What happens when it is connected.
    pub outcome: &'static str,
}

impl DemoKey {
    /// The key as the simulator keeps it, with these roles in its organization.
    pub fn key(&self, roles: &[&str]) -> Key {
        build::key(self.public, self.private, self.label, roles)
    }
}

pub const NORTHWIND: &str = "Northwind Robotics";
pub const CONTOSO: &str = "Contoso Harbour";
pub const LIGHTHOUSE: &str = "Lonely Lighthouse";
pub const OUTFITTERS: &str = "Overdue Outfitters";

pub const READER: DemoKey = DemoKey {
    label: "demo key",
    public: "nwreader",
    private: "0f6c2f5e-3a41-4d0e-9b7a-61d2c8e4a0b1",
    organization: NORTHWIND,
    outcome: "connects: FIT",
};
pub const WRITER: DemoKey = DemoKey {
    label: "too strong",
    public: "nwwriter",
    private: "7b9d1c34-52fe-4f6a-8a03-9c1e5d7f2b46",
    organization: NORTHWIND,
    outcome: "connects with the warning KEY_TOO_STRONG",
};
pub const PARTIAL: DemoKey = DemoKey {
    label: "member of two projects",
    public: "nwpartly",
    private: "c2a8e6f0-1d35-4b79-a2c4-08f6e3d1b597",
    organization: NORTHWIND,
    outcome: "connects with the warning PARTIAL_VIEW",
};
pub const MEMBER: DemoKey = DemoKey {
    label: "member only",
    public: "nwmember",
    private: "94e3b7d2-6f08-4c1a-b5e9-2a7d4f0c8163",
    organization: NORTHWIND,
    outcome: "is refused: ROLE_TOO_SMALL",
};
pub const PROJECT_ONLY: DemoKey = DemoKey {
    label: "one project, no organization",
    public: "nwnoorgs",
    private: "3d5f8a1b-e7c2-4960-8d4b-f1a9c6e20735",
    organization: NORTHWIND,
    outcome: "is refused: ROLE_TOO_SMALL",
};
pub const HARBOUR_READER: DemoKey = DemoKey {
    label: "second organization",
    public: "chreader",
    private: "a86e0d4c-9b21-4f73-95d8-7c3e1f6b2a09",
    organization: CONTOSO,
    outcome: "connects: FIT",
};
pub const LIGHTHOUSE_READER: DemoKey = DemoKey {
    label: "empty organization",
    public: "llreader",
    private: "5e1c9f7a-04d6-4b38-a7e1-d2b8f3c60954",
    organization: LIGHTHOUSE,
    outcome: "connects with the warning ORGANIZATION_EMPTY",
};
pub const OUTFITTERS_READER: DemoKey = DemoKey {
    label: "suspended organization",
    public: "ooreader",
    private: "e7b4a2d9-8c5f-4016-b3a7-6f0d9e1c4825",
    organization: OUTFITTERS,
    outcome: "is refused: ORGANIZATION_SUSPENDED",
};

/// Every key pair, the one to begin with first.
pub fn keys() -> Vec<DemoKey> {
    vec![READER, WRITER, PARTIAL, MEMBER, PROJECT_ONLY, HARBOUR_READER, LIGHTHOUSE_READER, OUTFITTERS_READER]
}
