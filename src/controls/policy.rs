//! What an operator may set about the controls.

use chrono_tz::Tz;

/// Rises when the same facts under the same settings are judged or worded differently.
const RULES: u32 = 2;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The key of the tag that names an owner. Keys are compared case-blind.
    pub owner_tag: String,
    pub description_tag: String,
    pub user_data_tag: String,
    /// Storage encrypted with the cloud provider's own key fails.
    pub require_customer_managed_keys: bool,
    /// Days after the last day of employment until an account counts as left behind.
    pub deprovision_grace: u32,
    /// Days without a sign-in after which a user is dormant.
    pub dormant_after_days: u32,
    /// Days within which every account's access is to be reviewed.
    pub access_review_days: u32,
    /// Where a day of employment ends.
    pub time_zone: Tz,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            owner_tag: "owner".to_owned(),
            description_tag: "description".to_owned(),
            user_data_tag: "contains-user-data".to_owned(),
            require_customer_managed_keys: false,
            deprovision_grace: 0,
            dormant_after_days: 90,
            access_review_days: 100,
            time_zone: Tz::UTC,
        }
    }
}

impl Policy {
    /// Equal texts mean equal verdicts on equal facts; a new text means that everything is to be judged again.
    pub fn fingerprint(&self) -> String {
        serde_json::json!([
            RULES,
            self.owner_tag,
            self.description_tag,
            self.user_data_tag,
            self.require_customer_managed_keys,
            self.deprovision_grace,
            self.dormant_after_days,
            self.access_review_days,
            self.time_zone.name(),
        ])
        .to_string()
    }
}
