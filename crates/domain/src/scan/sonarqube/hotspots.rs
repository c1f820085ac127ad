//! Security hotspots: places that a person has to look at before anybody knows whether they are vulnerable.

use serde::{Deserialize, Serialize};

/// `api/hotspots/search`, with those that wait for a review.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct HotspotsAnswer {
    /// How many there are.
    pub paging: Paging,
    /// The hotspots of this page.
    #[serde(default)]
    pub hotspots: Vec<HotspotAnswer>,
}

/// The part of an answer that counts.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct Paging {
    /// On all pages.
    pub total: u64,
}

/// One hotspot, as the server writes it.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct HotspotAnswer {
    /// HIGH, MEDIUM or LOW.
    pub vulnerability_probability: Option<String>,
}

/// Hotspots that nobody has reviewed yet.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Hotspots {
    /// How many.
    pub total: u64,
    /// How many of them are to be reviewed first.
    pub high: u64,
}

impl HotspotsAnswer {
    /// The numbers. Those of a high priority are counted on this page, which has 500.
    #[must_use]
    pub fn count(&self) -> Hotspots {
        let high = |hotspot: &&HotspotAnswer| hotspot.vulnerability_probability.as_deref() == Some("HIGH");
        let high = u64::try_from(self.hotspots.iter().filter(high).count()).unwrap_or(u64::MAX);
        Hotspots { total: self.paging.total, high }
    }
}

/// `api/ce/component`: which analysis of a project the server shows now.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
pub struct ComponentAnswer {
    /// The last background task that has ended, if any.
    pub current: Option<CurrentTask>,
}

/// A background task that has ended.
#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CurrentTask {
    /// Missing if the task failed.
    pub analysis_id: Option<String>,
}

impl ComponentAnswer {
    /// Whether issues and hotspots, which the server keeps for the latest analysis only, are those of this one.
    #[must_use]
    pub fn shows(&self, analysis_id: &str) -> bool {
        self.current.as_ref().is_some_and(|current| current.analysis_id.as_deref() == Some(analysis_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from Community Build 25.12, shortened.
    const HOTSPOTS: &str = r#"{"paging":{"pageIndex":1,"pageSize":500,"total":6},"hotspots":[
        {"key":"a","component":"p:Dockerfile","securityCategory":"permission","vulnerabilityProbability":"MEDIUM",
         "status":"TO_REVIEW","line":1,"message":"Make sure it is safe.","ruleKey":"docker:S6471"},
        {"key":"b","securityCategory":"auth","vulnerabilityProbability":"HIGH"},{"key":"c"}],"components":[]}"#;
    const COMPONENT: &str = r#"{"queue":[],"current":{"id":"9c5a906d","type":"REPORT","componentKey":"p",
        "analysisId":"1a81f3f5","status":"SUCCESS","warnings":[]}}"#;

    #[test]
    fn hotspots_are_counted_by_the_servers_total() {
        let answer: HotspotsAnswer = serde_json::from_str(HOTSPOTS).unwrap();
        assert_eq!(answer.count(), Hotspots { total: 6, high: 1 });
    }

    #[test]
    fn a_later_analysis_is_noticed() {
        let answer: ComponentAnswer = serde_json::from_str(COMPONENT).unwrap();
        assert!(answer.shows("1a81f3f5"));
        assert!(!answer.shows("another"));
        let none: ComponentAnswer = serde_json::from_str(r#"{"queue":[]}"#).unwrap();
        assert!(!none.shows("1a81f3f5"));
    }
}
