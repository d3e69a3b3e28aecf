//! The attributes of a user, and what is told about them. Everything else reads these tables.

crate::words! {
    /// The type of a value, as `/Schemas` names it.
    Kind {
        Text = "string",
        Boolean = "boolean",
        DateTime = "dateTime",
        Reference = "reference",
        Complex = "complex",
    }
}

/// The schema of users.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// The extension for dates of employment. Entra ID sends extensions under such names only.
pub const EMPLOYMENT: &str = "urn:ietf:params:scim:schemas:extension:slategate:2.0:User";

/// One attribute, or one part of a complex one.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the protocol describes an attribute by yes and no")]
pub struct Attribute {
    pub name: &'static str,
    pub kind: Kind,
    /// Holds a list.
    pub many: bool,
    pub required: bool,
    /// Whether upper and lower case tell values apart.
    pub case_exact: bool,
    /// No two users have the same.
    pub unique: bool,
    pub read_only: bool,
    /// Values that most clients use.
    pub usual: &'static [&'static str],
    pub parts: &'static [Attribute],
    pub description: &'static str,
}

impl Attribute {
    const fn new(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self {
            name,
            kind,
            many: false,
            required: false,
            case_exact: false,
            unique: false,
            read_only: false,
            usual: &[],
            parts: &[],
            description,
        }
    }

    const fn text(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Kind::Text, description)
    }

    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn case_exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    const fn read_only(self) -> Self {
        Self { read_only: true, ..self }
    }

    const fn usual(self, usual: &'static [&'static str]) -> Self {
        Self { usual, ..self }
    }

    /// The part of this name, in whatever case.
    pub fn part(&self, name: &str) -> Option<&'static Self> {
        find(self.parts, name)
    }
}

/// The attribute of this name, in whatever case.
pub fn find(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

const NAME: &[Attribute] = &[
    Attribute::text("formatted", "The whole name. Counts when there is no displayName."),
    Attribute::text("familyName", "The family name."),
    Attribute::text("givenName", "The given name."),
];

const EMAIL: &[Attribute] = &[
    Attribute::text("value", "The address.").required(),
    Attribute::text("display", "The address as people are shown it."),
    Attribute::text("type", "What the address is for.").usual(&["work", "home", "other"]),
    Attribute::new("primary", Kind::Boolean, "Whether it is the person's main address. One may be."),
];

const USER_NAME: &str = "What the user signs in with at the identity provider. An e-mail address counts as one of the \
                         person's.";
const EMAILS: &str = "The person's addresses: accounts are linked by them. The primary one is the person's own, else the \
                      first of the type work, else the first. When there is none, the userName must be an address.";

/// The schema [`USER`].
pub const USER_ATTRIBUTES: &[Attribute] = &[
    Attribute::text("userName", USER_NAME).required().unique(),
    Attribute { parts: NAME, ..Attribute::new("name", Kind::Complex, "The parts of the name.") },
    Attribute::text("displayName", "The name as people are shown it: the person's full name."),
    Attribute { many: true, parts: EMAIL, ..Attribute::new("emails", Kind::Complex, EMAILS).required() },
    Attribute::new("active", Kind::Boolean, "Whether the person works here. False marks the person as having left."),
];

/// The schema [`EMPLOYMENT`].
pub const EMPLOYMENT_ATTRIBUTES: &[Attribute] = &[
    Attribute::text(
        "startsOn",
        "The first day of employment, such as 2026-01-31. Of a date with a time the date counts.",
    )
    .case_exact(),
    Attribute::text("endsOn", "The last day of employment, itself included, such as 2026-12-31.").case_exact(),
];

const META: &[Attribute] = &[
    Attribute::text("resourceType", "The kind of resource.").case_exact().read_only(),
    Attribute::new("created", Kind::DateTime, "When the resource was made.").read_only(),
    Attribute::new("lastModified", Kind::DateTime, "When the resource was last changed.").read_only(),
    Attribute::new("location", Kind::Reference, "Where the resource is.").case_exact().read_only(),
    Attribute::text("version", "The version of the resource.").case_exact().read_only(),
];

/// What every resource has, whatever its schema (RFC 7643, section 3.1).
pub const COMMON_ATTRIBUTES: &[Attribute] = &[
    Attribute {
        many: true,
        ..Attribute::new("schemas", Kind::Reference, "The schemas that the resource has values of.")
    }
    .case_exact()
    .read_only(),
    Attribute::text("id", "The resource's name here.").case_exact().unique().read_only(),
    Attribute::text("externalId", "The resource's name at the client.").case_exact(),
    Attribute { parts: META, ..Attribute::new("meta", Kind::Complex, "What is known of the resource.").read_only() },
];

/// What RFC 7643 has beside it: identity providers send it, and it is not kept.
pub const LEFT_OUT: &[&str] = &[
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "password",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "groups",
    "entitlements",
    "roles",
    "x509Certificates",
];

/// The same of parts: of the name, and of every list.
pub const LEFT_OUT_PARTS: &[&str] = &["middleName", "honorificPrefix", "honorificSuffix", "$ref"];
