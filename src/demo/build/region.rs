//! One region config of a shard.

use serde_json::{Map, Value, json};

/// Three electable nodes that grow in storage and tier, until told otherwise.
#[derive(Debug, Clone)]
pub struct Region {
    cloud: String,
    name: String,
    tier: String,
    priority: u32,
    electable: Value,
    read_only: u32,
    analytics: u32,
    analytics_tier: String,
    analytics_scaling: Option<bool>,
    storage: Value,
    compute: Value,
    scales: bool,
}

/// A region of a cloud, with nodes of this tier.
pub fn region(cloud: &str, name: &str, tier: &str) -> Region {
    Region {
        cloud: cloud.to_owned(),
        name: name.to_owned(),
        tier: tier.to_owned(),
        priority: 7,
        electable: json!(3),
        read_only: 0,
        analytics: 0,
        analytics_tier: tier.to_owned(),
        analytics_scaling: None,
        storage: json!(true),
        compute: json!(true),
        scales: true,
    }
}

impl Region {
    /// Electable nodes: a number, or whatever a test wants Atlas to say. Null leaves the count out.
    #[must_use]
    pub fn nodes(mut self, count: impl Into<Value>) -> Self {
        self.electable = count.into();
        self
    }

    #[must_use]
    pub fn read_only(mut self, count: u32) -> Self {
        self.read_only = count;
        self
    }

    #[must_use]
    pub fn analytics(mut self, count: u32, tier: &str) -> Self {
        self.analytics = count;
        tier.clone_into(&mut self.analytics_tier);
        self
    }

    /// `analyticsAutoScaling.compute.enabled`.
    #[must_use]
    pub fn analytics_scaling(mut self, enabled: bool) -> Self {
        self.analytics_scaling = Some(enabled);
        self
    }

    #[must_use]
    pub fn priority(mut self, priority: u32) -> Self {
        self.priority = priority;
        self
    }

    /// `autoScaling.diskGB.enabled`: a boolean, or anything else.
    #[must_use]
    pub fn storage_scaling(mut self, enabled: impl Into<Value>) -> Self {
        self.storage = enabled.into();
        self
    }

    /// `autoScaling.compute.enabled`: a boolean, or anything else.
    #[must_use]
    pub fn tier_scaling(mut self, enabled: impl Into<Value>) -> Self {
        self.compute = enabled.into();
        self
    }

    /// Leaves `autoScaling` out.
    #[must_use]
    pub fn without_scaling(mut self) -> Self {
        self.scales = false;
        self
    }

    /// Nodes that hold data or vote, for the connection string.
    pub(super) fn hosts(&self) -> u64 {
        self.electable.as_u64().unwrap_or(3) + u64::from(self.read_only) + u64::from(self.analytics)
    }

    /// The region config; with the `effective...` siblings as in `replicationSpecs`.
    pub(super) fn body(&self, with_effective: bool) -> Value {
        let groups = [
            ("electableSpecs", "effectiveElectableSpecs", self.specs(&self.tier, &self.electable)),
            ("readOnlySpecs", "effectiveReadOnlySpecs", self.specs(&self.tier, &json!(self.read_only))),
            ("analyticsSpecs", "effectiveAnalyticsSpecs", self.specs(&self.analytics_tier, &json!(self.analytics))),
        ];
        let mut body = Map::new();
        for (name, effective, specs) in groups {
            if with_effective {
                body.insert(effective.to_owned(), specs.clone());
            }
            body.insert(name.to_owned(), specs);
        }
        if self.scales {
            body.insert("autoScaling".to_owned(), self.scaling());
        }
        if let Some(enabled) = self.analytics_scaling {
            let scaling =
                json!({ "compute": { "enabled": enabled, "scaleDownEnabled": false }, "diskGB": { "enabled": true } });
            body.insert("analyticsAutoScaling".to_owned(), scaling);
        }
        body.insert("priority".to_owned(), json!(self.priority));
        body.insert("providerName".to_owned(), json!(self.cloud));
        body.insert("regionName".to_owned(), json!(self.name));
        Value::Object(body)
    }

    fn scaling(&self) -> Value {
        let mut compute = json!({ "enabled": self.compute, "scaleDownEnabled": false });
        if self.compute == json!(true) {
            compute["minInstanceSize"] = json!(self.tier);
            compute["maxInstanceSize"] = json!("M200");
        }
        json!({ "compute": compute, "diskGB": { "enabled": self.storage } })
    }

    fn specs(&self, tier: &str, count: &Value) -> Value {
        let mut specs = json!({ "diskSizeGB": 40.0, "instanceSize": tier });
        if !count.is_null() {
            specs["nodeCount"] = count.clone();
        }
        if self.cloud == "AWS" {
            specs["diskIOPS"] = json!(3000);
            specs["ebsVolumeType"] = json!("STANDARD");
        }
        specs
    }
}
