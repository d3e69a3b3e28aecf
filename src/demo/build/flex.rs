//! Flex clusters as `/groups/{id}/flexClusters` lists them.

use serde_json::{Value, json};

use super::cluster::connection_strings;
use super::{id, tags};

/// A flex cluster under construction.
#[derive(Debug, Clone)]
pub struct Flex {
    body: Value,
}

/// A healthy flex cluster with its daily backup.
pub fn flex(project: &str, name: &str) -> Flex {
    Flex {
        body: json!({
            "backupSettings": { "enabled": true },
            "clusterType": "REPLICASET",
            "connectionStrings": connection_strings(name, 3),
            "createDate": "2024-09-03T13:05:00Z",
            "groupId": project,
            "id": id(&format!("flex/{project}/{name}")),
            "mongoDBVersion": "8.0.13",
            "name": name,
            "providerSettings": {
                "backingProviderName": "AWS",
                "diskSizeGB": 5.0,
                "providerName": "FLEX",
                "regionName": "EU_WEST_1",
            },
            "stateName": "IDLE",
            "tags": [],
            "terminationProtectionEnabled": false,
            "versionReleaseSystem": "CONTINUOUS",
        }),
    }
}

impl Flex {
    /// Sets a top-level field, to anything.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.body[name] = value.into();
        self
    }

    /// Leaves a top-level field out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        if let Some(fields) = self.body.as_object_mut() {
            fields.remove(name);
        }
        self
    }

    #[must_use]
    pub fn tags(self, pairs: &[(&str, &str)]) -> Self {
        self.field("tags", tags(pairs))
    }

    pub fn body(&self) -> Value {
        self.body.clone()
    }
}
