//! Numbers for dashboards and alarms, as lines of the log in CloudWatch's Embedded Metric Format.
//!
//! CloudWatch makes metrics of such lines by itself, so nothing is called and nothing can fail. With JSON logging Lambda
//! passes on lines that are JSON already as they are, and counts those without a level as INFO.
//! Format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

const NAMESPACE: &str = "SecurityChatOps";
/// The only dimension: one value for each stack. Ids or types would each cost a metric of their own.
const DIMENSION: &str = "StackName";
/// A metric takes an array of at most 100 values in one line.
const MOST_VALUES: usize = 100;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Findings taken from the queue and done with, whatever became of them.
    FindingsHandled,
    /// Findings that nothing is done about: samples, archived ones, below the least severity, repeated ones.
    FindingsIgnored,
    /// Findings shown in a message of their own.
    FindingsShown,
    /// Findings noted in a digest.
    FindingsDigested,
    /// Findings handed to the remediator without asking.
    FindingsRemediating,
    /// AUTO findings that are shown instead, because the limit of the hour was reached.
    AutoRemediationsHeld,
    /// From the finding to the message that Slack took.
    SecondsToSlack,
    /// Times that Slack asked to wait.
    SlackWaits,
    /// Objects moved into quarantine.
    ObjectsQuarantined,
    /// Remediations that ended without a move.
    ObjectsNotMoved,
    /// Remediations that failed after all their retries.
    RemediationsFailed,
    /// Clicks and forged requests that had no effect.
    ClicksRefused,
}

impl Metric {
    /// Its name in CloudWatch.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FindingsHandled => "FindingsHandled",
            Self::FindingsIgnored => "FindingsIgnored",
            Self::FindingsShown => "FindingsShown",
            Self::FindingsDigested => "FindingsDigested",
            Self::FindingsRemediating => "FindingsRemediating",
            Self::AutoRemediationsHeld => "AutoRemediationsHeld",
            Self::SecondsToSlack => "SecondsToSlack",
            Self::SlackWaits => "SlackWaits",
            Self::ObjectsQuarantined => "ObjectsQuarantined",
            Self::ObjectsNotMoved => "ObjectsNotMoved",
            Self::RemediationsFailed => "RemediationsFailed",
            Self::ClicksRefused => "ClicksRefused",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::SecondsToSlack => "Seconds",
            _ => "Count",
        }
    }
}

/// Collects values during an invocation and writes them at its end.
pub struct Metrics {
    stack_name: String,
    values: Mutex<BTreeMap<Metric, Vec<f64>>>,
    out: Mutex<Box<dyn Write + Send>>,
}

impl Metrics {
    /// Metrics of the stack with this name, written to the standard output.
    #[must_use]
    pub fn new(stack_name: &str) -> Self {
        Self::writing_to(stack_name, io::stdout())
    }

    /// The same, written elsewhere.
    #[must_use]
    pub fn writing_to(stack_name: &str, out: impl Write + Send + 'static) -> Self {
        Self { stack_name: stack_name.to_owned(), values: Mutex::default(), out: Mutex::new(Box::new(out)) }
    }

    /// Counts one.
    pub fn count(&self, metric: Metric) {
        self.add(metric, 1.0);
    }

    /// Adds a value: counts are summed up, times are kept each.
    pub fn add(&self, metric: Metric, value: f64) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let values = values.entry(metric).or_default();
        if let (Some(sum), "Count") = (values.first_mut(), metric.unit()) {
            *sum += value;
        } else if values.len() < MOST_VALUES {
            // More than a line takes within one invocation are left out: the others tell as much.
            values.push(value);
        }
    }

    /// Writes everything collected since the last time as one line; nothing when there is nothing. A failure to write
    /// costs the numbers and nothing else.
    pub fn flush(&self, now: Timestamp) {
        let values = std::mem::take(&mut *self.values.lock().unwrap_or_else(PoisonError::into_inner));
        if values.is_empty() {
            return;
        }
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // In one piece: the log must not get a line of another writer in between.
        let line = format!("{}\n", self.line(&values, now));
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }

    fn line(&self, values: &BTreeMap<Metric, Vec<f64>>, now: Timestamp) -> Value {
        let metrics: Vec<Value> =
            values.keys().map(|metric| json!({"Name": metric.name(), "Unit": metric.unit()})).collect();
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": now.as_millisecond(),
                "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics}],
            }),
        );
        line.insert(DIMENSION.to_owned(), self.stack_name.clone().into());
        for (metric, values) in values {
            let value = match values.as_slice() {
                [one] => json!(one),
                several => json!(several),
            };
            line.insert(metric.name().to_owned(), value);
        }
        line.into()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").field("stack_name", &self.stack_name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use testing::metrics::Lines;

    use super::*;

    fn metrics() -> (Metrics, Lines) {
        let lines = Lines::default();
        (Metrics::writing_to("acme-macie", lines.clone()), lines)
    }

    #[test]
    fn an_invocation_is_one_line_in_cloudwatchs_format() {
        let (metrics, lines) = metrics();
        metrics.count(Metric::FindingsHandled);
        metrics.count(Metric::FindingsHandled);
        metrics.add(Metric::SecondsToSlack, 1.5);
        metrics.add(Metric::SecondsToSlack, 2.0);
        metrics.flush(Timestamp::from_second(1_795_169_702).unwrap());
        assert_eq!(
            lines.all(),
            [json!({
                "_aws": {
                    "Timestamp": 1_795_169_702_000_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "SecurityChatOps",
                        "Dimensions": [["StackName"]],
                        "Metrics": [
                            {"Name": "FindingsHandled", "Unit": "Count"},
                            {"Name": "SecondsToSlack", "Unit": "Seconds"},
                        ],
                    }],
                },
                "StackName": "acme-macie",
                "FindingsHandled": 2.0,
                "SecondsToSlack": [1.5, 2.0],
            })]
        );
    }

    #[test]
    fn nothing_measured_is_nothing_written() {
        let (metrics, lines) = metrics();
        metrics.flush(Timestamp::UNIX_EPOCH);
        metrics.count(Metric::ClicksRefused);
        metrics.flush(Timestamp::UNIX_EPOCH);
        metrics.flush(Timestamp::UNIX_EPOCH);
        assert_eq!(lines.all().len(), 1);
    }

    #[test]
    fn a_line_never_has_more_values_than_cloudwatch_takes() {
        let (metrics, lines) = metrics();
        for _ in 0..1_000 {
            metrics.add(Metric::SecondsToSlack, 1.0);
            metrics.count(Metric::FindingsDigested);
        }
        metrics.flush(Timestamp::UNIX_EPOCH);
        let line = lines.all().remove(0);
        assert_eq!(line["SecondsToSlack"].as_array().unwrap().len(), 100);
        assert_eq!(line["FindingsDigested"], 1_000.0);
    }
}
