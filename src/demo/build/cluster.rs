//! Clusters as `/groups/{id}/clusters` lists them in version 2024-08-05.

use serde_json::{Map, Value, json};

use super::region::{Region, region};
use super::{id, tags};

/// A cluster body under construction: shards first, then single fields.
#[derive(Debug, Clone)]
pub struct Cluster {
    project: String,
    name: String,
    kind: &'static str,
    /// Zone and regions of each shard.
    shards: Vec<(String, Vec<Value>, Vec<Value>)>,
    hosts: u64,
    changes: Map<String, Value>,
    removed: Vec<String>,
}

/// A healthy replica set: three M30 nodes in one AWS region, growing by itself, backed up.
pub fn cluster(project: &str, name: &str) -> Cluster {
    let empty = Cluster {
        project: project.to_owned(),
        name: name.to_owned(),
        kind: "REPLICASET",
        shards: Vec::new(),
        hosts: 0,
        changes: Map::new(),
        removed: Vec::new(),
    };
    empty.regions(&[region("AWS", "EU_WEST_1", "M30")])
}

/// A shared cluster: `M0`, or an `M2` or `M5` that effectively is something else.
pub fn tenant(project: &str, name: &str, tier: &str, effective: &str) -> Cluster {
    let config = json!({
        "backingProviderName": "AWS",
        "electableSpecs": { "diskSizeGB": 0.5, "effectiveInstanceSize": effective, "instanceSize": tier },
        "priority": 7,
        "providerName": "TENANT",
        "regionName": "EU_WEST_1",
    });
    let mut shared = cluster(project, name).field("backupEnabled", false).field("pitEnabled", false);
    shared.shards = vec![("Zone 1".to_owned(), vec![config.clone()], vec![config])];
    shared.without("advancedConfiguration")
}

impl Cluster {
    /// One shard over these regions.
    #[must_use]
    pub fn regions(self, regions: &[Region]) -> Self {
        self.with_shards("REPLICASET", &[("Zone 1", regions)])
    }

    /// Several shards in one zone.
    #[must_use]
    pub fn sharded(self, shards: &[&[Region]]) -> Self {
        let shards: Vec<(&str, &[Region])> = shards.iter().map(|regions| ("Zone 1", *regions)).collect();
        self.with_shards("SHARDED", &shards)
    }

    /// Several shards, each with its zone.
    #[must_use]
    pub fn zoned(self, shards: &[(&str, &[Region])]) -> Self {
        self.with_shards("GEOSHARDED", shards)
    }

    fn with_shards(mut self, kind: &'static str, shards: &[(&str, &[Region])]) -> Self {
        let bodies = |regions: &[Region], effective| regions.iter().map(|region| region.body(effective)).collect();
        self.kind = kind;
        self.hosts = shards.iter().flat_map(|(_, regions)| regions.iter().map(Region::hosts)).sum();
        self.shards = shards
            .iter()
            .map(|(zone, regions)| ((*zone).to_owned(), bodies(regions, true), bodies(regions, false)))
            .collect();
        self
    }

    /// Sets a top-level field, to anything.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.changes.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a top-level field out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.removed.push(name.to_owned());
        self
    }

    #[must_use]
    pub fn tags(self, pairs: &[(&str, &str)]) -> Self {
        self.field("tags", tags(pairs))
    }

    /// `advancedConfiguration.minimumEnabledTlsProtocol`.
    #[must_use]
    pub fn tls(self, protocol: impl Into<Value>) -> Self {
        self.field("advancedConfiguration", tls_settings(&protocol.into()))
    }

    pub fn body(&self) -> Value {
        let mut body = self.plain_fields();
        body.extend(self.naming_fields());
        body.insert("replicationSpecs".to_owned(), self.specs(true));
        body.insert("effectiveReplicationSpecs".to_owned(), self.specs(false));
        body.extend(self.changes.clone());
        for name in &self.removed {
            body.remove(name);
        }
        if body.get("stateName").is_some_and(|state| state == "CREATING") {
            body.insert("connectionStrings".to_owned(), json!({}));
        }
        Value::Object(body)
    }

    fn specs(&self, effective: bool) -> Value {
        let shards = self.shards.iter().enumerate().map(|(place, (zone, full, plain))| {
            json!({
                "id": id(&format!("shard/{}/{}/{place}", self.project, self.name)),
                "regionConfigs": if effective { full } else { plain },
                "zoneId": id(&format!("zone/{}/{}/{zone}", self.project, self.name)),
                "zoneName": zone,
            })
        });
        shards.collect()
    }

    fn naming_fields(&self) -> Map<String, Value> {
        let path = format!("https://cloud.mongodb.com/api/atlas/v2/groups/{}/clusters/{}", self.project, self.name);
        object(json!({
            "clusterType": self.kind,
            "connectionStrings": connection_strings(&self.name, self.hosts.max(3)),
            "groupId": self.project,
            "id": id(&format!("cluster/{}/{}", self.project, self.name)),
            "links": [
                { "href": path, "rel": "self" },
                { "href": format!("{path}/backup/restoreJobs"), "rel": "https://cloud.mongodb.com/restoreJobs" },
                { "href": format!("{path}/backup/snapshots"), "rel": "https://cloud.mongodb.com/snapshots" },
            ],
            "name": self.name,
        }))
    }

    /// Fields that do not depend on the name; some of them are in no published schema, as at Atlas.
    fn plain_fields(&self) -> Map<String, Value> {
        let mut fields = object(json!({
            "adaptiveCapacity": null,
            "advancedConfiguration": tls_settings(&json!("TLS1_2")),
            "backupEnabled": true,
            "biConnector": { "enabled": false, "readPreference": "secondary" },
            "createDate": "2024-02-12T08:30:00Z",
            "diskWarmingMode": "FULLY_WARMED",
            "effectiveDatabaseEdition": "CORE",
            "encryptionAtRestProvider": "NONE",
            "featureCompatibilityVersion": "8.0",
            "globalClusterSelfManagedSharding": false,
            "internalClusterRole": "NONE",
            "labels": [],
            "mongoDBMajorVersion": "8.0",
            "mongoDBVersion": "8.0.13",
            "paused": false,
            "pitEnabled": true,
            "redactClientLogData": false,
            "retainBackups": false,
            "rootCertType": "ISRGROOTX1",
            "stateName": "IDLE",
            "tags": [],
            "terminationProtectionEnabled": true,
            "versionReleaseSystem": "LTS",
        }));
        if self.kind != "REPLICASET" {
            fields.insert("configServerType".to_owned(), json!("EMBEDDED"));
            fields.insert("configServerManagementMode".to_owned(), json!("ATLAS_MANAGED"));
        }
        fields
    }
}

fn tls_settings(protocol: &Value) -> Value {
    json!({
        "customOpensslCipherConfigTls12": [],
        "customOpensslCipherConfigTls13": [],
        "minimumEnabledTlsProtocol": protocol,
        "tlsCipherConfigMode": "DEFAULT",
    })
}

/// Without credentials, as Atlas gives them.
pub(super) fn connection_strings(name: &str, hosts: u64) -> Value {
    let domain = format!("{}.atlas.example", &id(name)[..5]);
    let hosts: Vec<String> = (0..hosts).map(|host| format!("{name}-shard-00-{host:02}.{domain}:27017")).collect();
    json!({
        "privateEndpoint": [],
        "standard": format!("mongodb://{}/?ssl=true&authSource=admin", hosts.join(",")),
        "standardSrv": format!("mongodb+srv://{name}.{domain}"),
    })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
