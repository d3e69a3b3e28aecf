//! What is asked: each question in GraphQL and as the one statement that a hand-written handler would send.

use serde_json::{Value, json};

use crate::seed::Seeded;

/// A value of a hand-written statement's parameter.
#[derive(Debug, Clone)]
pub enum Parameter {
    Text(&'static str),
    Number(i64),
}

impl Parameter {
    pub fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Number(number) => json!(number),
        }
    }
}

/// One question with these values.
#[derive(Debug, Clone)]
pub struct Variant {
    pub variables: Value,
    /// Which of the question's statements answers it.
    pub statement: &'static str,
    pub parameters: Vec<Parameter>,
}

#[derive(Debug)]
pub struct Question {
    pub name: &'static str,
    pub title: &'static str,
    pub query: &'static str,
    pub variants: Vec<Variant>,
}

const ASSET: &str = "name description userData project { name } owner { fullName email } \
    ... on AtlasCluster { deployment mongoDbVersion backup { enabled } } \
    controlResults { control { key } outcome reason message }";

const REGIONS: [&str; 3] = ["EU_WEST_1", "US_EAST_1", "AP_SOUTH_1"];
const TIERS: [&str; 4] = ["M10", "M30", "M50", "M200"];
const ROLES: [&str; 2] = ["GROUP_DATA_ACCESS_READ_ONLY", "GROUP_READ_ONLY"];
/// Different assets that are asked for one by one.
const ASSETS_ASKED: i64 = 5_000;

pub fn all(clusters: usize, seeded: &Seeded, controls: &[String]) -> Vec<Question> {
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    let listed = |as_of: bool| {
        let (argument, value) = if as_of { (", $asOf: DateTime!", ", asOf: $asOf") } else { ("", "") };
        leak(format!(
            "query List($filter: AssetFilter!, $direction: OrderDirection!{argument}) {{ assets(first: 50, \
             filter: $filter, orderBy: {{ field: NAME, direction: $direction }}{value}) {{ nodes {{ {ASSET} }} }} }}"
        ))
    };
    let lists = |as_of: bool| {
        let mut variants = Vec::new();
        for (region, tier) in REGIONS.into_iter().flat_map(|region| TIERS.map(|tier| (region, tier))) {
            for direction in ["ASC", "DESC"] {
                let filter = json!({ "deployment": ["DEDICATED"], "hasOwner": true, "region": region, "tier": tier });
                let mut variables = json!({ "filter": filter, "direction": direction });
                let mut parameters = vec![Parameter::Text(region), Parameter::Text(tier)];
                let statement = match (as_of, direction) {
                    (false, "ASC") => "list_up",
                    (false, _) => "list_down",
                    (true, "ASC") => "past_up",
                    (true, _) => "past_down",
                };
                if as_of {
                    variables["asOf"] = json!(seeded.a_month_ago);
                    parameters.push(Parameter::Number(seeded.a_month_ago.timestamp_micros()));
                }
                variants.push(Variant { variables, statement, parameters });
            }
        }
        variants
    };
    let clusters = i64::try_from(clusters).unwrap_or(i64::MAX);
    let asset = |number: i64| {
        // Spread over the whole inventory, in no order that a cache could like.
        let id = 1 + (number * 7_919) % clusters;
        Variant {
            variables: json!({ "id": asset_id(id) }),
            statement: "asset",
            parameters: vec![Parameter::Number(id)],
        }
    };
    let mut accounts = Vec::new();
    for role in ROLES {
        for (direction, statement) in [("ASC", "accounts_up"), ("DESC", "accounts_down")] {
            accounts.push(Variant {
                variables: json!({ "filter": { "status": ["ACTIVE"], "role": role }, "direction": direction }),
                statement,
                parameters: vec![Parameter::Text(role)],
            });
        }
    }
    let failing = controls.iter().map(|control| Variant {
        variables: json!({ "filter": { "outcome": ["FAIL"], "controlKey": control } }),
        statement: "failing",
        parameters: vec![Parameter::Text(leak(control.clone()))],
    });
    vec![
        Question {
            name: "list",
            title: "50 assets with project, owner and results",
            query: listed(false),
            variants: lists(false),
        },
        Question {
            name: "asset",
            title: "one asset by id",
            query: leak(format!("query Asset($id: ID!) {{ node(id: $id) {{ ... on AtlasCluster {{ {ASSET} }} }} }}")),
            variants: (0..ASSETS_ASKED.min(clusters)).map(asset).collect(),
        },
        Question {
            name: "accounts",
            title: "100 accounts with grants and person",
            query: "query Accounts($filter: AccountFilter!, $direction: OrderDirection!) { accounts(first: 100, \
                filter: $filter, orderBy: { field: LOGIN, direction: $direction }) { nodes { login kind status privileged \
                person { fullName email } grants { role scope via team project { name } } } } }",
            variants: accounts,
        },
        Question {
            name: "posture",
            title: "posture",
            query: "query Posture { posture { controlsPassing controlsFailing controlsUnknown controlsNotApplicable assets \
                accounts failingResults } }",
            variants: vec![Variant { variables: json!({}), statement: "posture", parameters: Vec::new() }],
        },
        Question {
            name: "failing",
            title: "50 failing results with evidence",
            query: "query Failing($filter: ControlResultFilter!) { controlResults(first: 50, filter: $filter) { nodes { \
                control { key } outcome reason message evidence { name observed expected } \
                subject { __typename ... on AtlasCluster { name } ... on Account { login } } } } }",
            variants: failing.collect(),
        },
        Question { name: "past", title: "the first, a month ago", query: listed(true), variants: lists(true) },
    ]
}

/// As the schema spells it.
fn asset_id(id: i64) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("AtlasCluster:{id}"))
}
