//! The personnel of the first organization, and what its people have entered by hand.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::domain::{EmploymentStatus, Person};

/// What somebody entered about a cluster, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annotation {
    pub cluster: &'static str,
    /// E-mail of a person in [`people`].
    pub owner: Option<&'static str>,
    pub description: Option<&'static str>,
    /// Whether it holds user data.
    pub user_data: Option<bool>,
}

/// A dozen people and one more. Their dates lie well before or after any day on which the demonstration is run.
pub fn people() -> Vec<Person> {
    vec![
        person("Ada Lindqvist", "ada.lindqvist").alias("ada@northwind-robotics.example").build(),
        person("Bruno Castellano", "bruno.castellano").build(),
        person("Chidi Okafor", "chidi.okafor").build(),
        person("Dana Whitfield", "dana.whitfield").left(Some((2024, 3, 29))).build(),
        // Nobody has marked this one as gone: the date alone has to tell.
        person("Emil Novak", "emil.novak").ends((2025, 1, 31)).build(),
        person("Farah Haddad", "farah.haddad").ends((2035, 6, 30)).build(),
        person("Goran Petrov", "goran.petrov").left(None).build(),
        person("Hana Sato", "hana.sato").alias("hana@sato-consulting.example").build(),
        person("Isabel Moreau", "isabel.moreau").alias(SHARED_MAILBOX).build(),
        person("Jonas Weber", "jonas.weber").alias(SHARED_MAILBOX).build(),
        person("Keiko Tanaka", "keiko.tanaka").alias("keiko.tanaka+atlas@northwind-robotics.example").build(),
        person("Liam Byrne", "liam.byrne").build(),
        person("Mira Patel", "mira.patel").left(Some((2023, 11, 30))).build(),
    ]
}

/// An address that two people share, so that an account under it belongs to neither.
const SHARED_MAILBOX: &str = "platform@northwind-robotics.example";

/// Accounts that were linked to a person by hand: login and the person's e-mail.
pub fn links() -> Vec<(&'static str, &'static str)> {
    vec![("nwwriter", "ada.lindqvist@northwind-robotics.example")]
}

/// What was entered by hand; it wins over tags.
pub fn annotations() -> Vec<Annotation> {
    vec![
        Annotation {
            cluster: "telemetry-edge",
            owner: Some("chidi.okafor@northwind-robotics.example"),
            description: Some("Buffers of the edge gateways, kept for a day"),
            user_data: Some(false),
        },
        Annotation { cluster: "checkout", owner: None, description: None, user_data: Some(true) },
        Annotation {
            cluster: "lab-notebook",
            owner: Some("mira.patel@northwind-robotics.example"),
            description: Some("Scratch space of the interns of 2023"),
            user_data: None,
        },
    ]
}

struct Draft(Person);

fn person(full_name: &str, mailbox: &str) -> Draft {
    Draft(Person {
        full_name: full_name.to_owned(),
        email: format!("{mailbox}@northwind-robotics.example"),
        aliases: Vec::new(),
        status: EmploymentStatus::Active,
        starts_on: NaiveDate::from_ymd_opt(2021, 4, 1),
        ends_on: None,
        sources: BTreeMap::new(),
    })
}

impl Draft {
    fn alias(mut self, address: &str) -> Self {
        self.0.aliases.push(address.to_owned());
        self
    }

    fn ends(mut self, (year, month, day): (i32, u32, u32)) -> Self {
        self.0.ends_on = NaiveDate::from_ymd_opt(year, month, day);
        self
    }

    fn left(mut self, last_day: Option<(i32, u32, u32)>) -> Self {
        self.0.status = EmploymentStatus::Left;
        match last_day {
            Some(day) => self.ends(day),
            None => self,
        }
    }

    fn build(self) -> Person {
        self.0
    }
}
