//! What the service says of itself (RFC 7643, sections 5 to 7).

use serde_json::{Value, json};

use super::BASE;
use super::list::{MOST, list};
use super::schema::{Attribute, EMPLOYMENT, EMPLOYMENT_ATTRIBUTES, USER, USER_ATTRIBUTES};

struct Schema {
    id: &'static str,
    name: &'static str,
    description: &'static str,
    attributes: &'static [Attribute],
}

const SCHEMAS: [Schema; 2] = [
    Schema {
        id: USER,
        name: "User",
        description: "A person, as the identity provider knows them.",
        attributes: USER_ATTRIBUTES,
    },
    Schema {
        id: EMPLOYMENT,
        name: "Employment",
        description: "From when to when a person is employed.",
        attributes: EMPLOYMENT_ATTRIBUTES,
    },
];

/// What can be done here, and how.
pub fn service_provider_config() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": MOST },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "An API token of the role SCIM, made with `slategate token create --role scim`.",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": { "resourceType": "ServiceProviderConfig", "location": format!("{BASE}/ServiceProviderConfig") },
    })
}

pub fn resource_types() -> Value {
    list(&[user_type()], 1, 1)
}

/// None: there is no such type of resource.
pub fn resource_type(id: &str) -> Option<Value> {
    (id == "User").then(user_type)
}

fn user_type() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User",
        "name": "User",
        "endpoint": "/Users",
        "description": "People.",
        "schema": USER,
        "schemaExtensions": [{ "schema": EMPLOYMENT, "required": false }],
        "meta": { "resourceType": "ResourceType", "location": format!("{BASE}/ResourceTypes/User") },
    })
}

pub fn schemas() -> Value {
    list(&SCHEMAS.each_ref().map(written), SCHEMAS.len() as u64, 1)
}

/// None: there is no such schema.
pub fn schema_by_id(id: &str) -> Option<Value> {
    SCHEMAS.iter().find(|schema| schema.id.eq_ignore_ascii_case(id)).map(written)
}

fn written(schema: &Schema) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": schema.attributes.iter().map(attribute).collect::<Vec<_>>(),
        "meta": { "resourceType": "Schema", "location": format!("{BASE}/Schemas/{}", schema.id) },
    })
}

fn attribute(attribute: &Attribute) -> Value {
    let mut written = json!({
        "name": attribute.name,
        "type": attribute.kind.word(),
        "multiValued": attribute.many,
        "description": attribute.description,
        "required": attribute.required,
        "caseExact": attribute.case_exact,
        "mutability": if attribute.read_only { "readOnly" } else { "readWrite" },
        "returned": "default",
        "uniqueness": if attribute.unique { "server" } else { "none" },
    });
    if !attribute.usual.is_empty() {
        written["canonicalValues"] = json!(attribute.usual);
    }
    if !attribute.parts.is_empty() {
        written["subAttributes"] = attribute.parts.iter().map(self::attribute).collect();
    }
    written
}
