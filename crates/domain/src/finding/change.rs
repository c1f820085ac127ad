//! Who changed the settings of a bucket, as a policy finding tells it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lenient;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyDetails {
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub action: Option<PolicyAction>,
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyAction {
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub api_call_details: Option<ApiCall>,
}

/// The call that made the finding.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiCall {
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    #[serde(default, deserialize_with = "lenient::time", skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actor {
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub user_identity: Option<UserIdentity>,
}

/// At most one of them is there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserIdentity {
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub assumed_role: Option<Identity>,
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub federated_user: Option<Identity>,
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub iam_user: Option<Identity>,
    #[serde(default, deserialize_with = "lenient::part", skip_serializing_if = "Option::is_none")]
    pub root: Option<Identity>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
}

impl PolicyDetails {
    #[must_use]
    pub fn call(&self) -> Option<&ApiCall> {
        self.action.as_ref()?.api_call_details.as_ref()
    }

    /// The ARN of whoever made the call.
    #[must_use]
    pub fn caller(&self) -> Option<&str> {
        let identity = self.actor.as_ref()?.user_identity.as_ref()?;
        let all = [&identity.assumed_role, &identity.federated_user, &identity.iam_user, &identity.root];
        all.into_iter().flatten().find_map(|identity| identity.arn.as_deref())
    }
}
