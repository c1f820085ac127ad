//! The alarms: which of them ring, and whether anybody would hear the others.

use aws_sdk_cloudwatch::{
    Client,
    types::{MetricAlarm, StateValue},
};
use serde_json::{Value, json};

use super::{BY_HAND, GONE, Patient, compare};
use crate::check::{Check, chain};

/// One line for all alarms, and one for each that rings or is not as the template says. `names` are logical and physical
/// ids.
pub(super) async fn checks(patient: &Patient<'_>, names: &[(&str, &str)]) -> anyhow::Result<Vec<Check>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let client = Client::new(&patient.account.aws);
    let physical = names.iter().map(|(_, id)| (*id).to_owned()).collect();
    let answer = client.describe_alarms().set_alarm_names(Some(physical)).max_records(100).send().await;
    let alarms = match answer {
        Ok(answer) => answer.metric_alarms.unwrap_or_default(),
        Err(error) => return Ok(vec![Check::fails("alarms", chain(&error), "allow cloudwatch:DescribeAlarms")]),
    };
    let mut checks = Vec::new();
    for (logical_id, id) in names {
        if let Some(alarm) = alarms.iter().find(|alarm| alarm.alarm_name() == Some(id)) {
            let wanted = patient.template.properties(logical_id)?;
            let settings = Check::that(&format!("alarm {logical_id}"), muted(alarm, &wanted), BY_HAND);
            checks.extend(settings.has_failed().then_some(settings));
            checks.extend(rings(alarm));
        }
    }
    if alarms.len() < names.len() {
        let why = format!("{} of {} are gone", names.len() - alarms.len(), names.len());
        checks.push(Check::fails("alarms", why, GONE));
    }
    if checks.is_empty() {
        let nobody = alarms.iter().all(|alarm| alarm.alarm_actions().is_empty());
        let count = names.len();
        checks.push(if nobody {
            Check::note("alarms", format!("{count} are quiet, and nobody would be mailed: AlarmEmail is not set"))
        } else {
            Check::well("alarms", format!("{count} are quiet"))
        });
    }
    Ok(checks)
}

fn rings(alarm: &MetricAlarm) -> Option<Check> {
    let name = alarm.alarm_name().unwrap_or_default();
    let remedy = alarm.alarm_description().unwrap_or("look at it in the console of CloudWatch");
    let rings = alarm.state_value() == Some(&StateValue::Alarm);
    rings.then(|| Check::fails(format!("alarm {name}"), alarm.state_reason().unwrap_or("it rings"), remedy))
}

/// Why nobody would hear it, or not when the template says.
fn muted(alarm: &MetricAlarm, wanted: &Value) -> Vec<String> {
    let off = alarm.actions_enabled() == Some(false);
    let off = off.then(|| "its actions are turned off: nobody is told when it rings".to_owned());
    let dimensions: Vec<Value> =
        alarm.dimensions().iter().map(|one| json!({"Name": one.name(), "Value": one.value()})).collect();
    let found = json!({
        "AlarmActions": alarm.alarm_actions(),
        "ComparisonOperator": alarm.comparison_operator().map(aws_sdk_cloudwatch::types::ComparisonOperator::as_str),
        "Dimensions": dimensions,
        "Statistic": alarm.statistic().map(aws_sdk_cloudwatch::types::Statistic::as_str),
        "TreatMissingData": alarm.treat_missing_data(),
        "EvaluationPeriods": alarm.evaluation_periods(),
        "MetricName": alarm.metric_name(),
        "Period": alarm.period(),
        "Threshold": alarm.threshold(),
    });
    off.into_iter().chain(compare::members("its", wanted, &found)).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::types::Dimension;

    use super::*;

    #[test]
    fn an_alarm_that_nobody_hears_is_found() {
        let wanted = json!({"AlarmActions": ["arn:t"], "EvaluationPeriods": "1", "MetricName": "Errors", "Period": 300,
            "Threshold": 1});
        let alarm = || {
            let alarm = MetricAlarm::builder().actions_enabled(true).alarm_actions("arn:t").evaluation_periods(1);
            alarm.metric_name("Errors").period(300).threshold(1.0)
        };
        assert_eq!(muted(&alarm().build(), &wanted), Vec::<String>::new());
        let silent = alarm().set_alarm_actions(Some(Vec::new()));
        assert_eq!(muted(&silent.clone().build(), &wanted), ["its AlarmActions is not set"]);
        // Who mends the one only would wait for the mail in vain.
        let off = ["its actions are turned off: nobody is told when it rings", "its AlarmActions is not set"];
        assert_eq!(muted(&silent.actions_enabled(false).build(), &wanted), off);
        let other = Dimension::builder().name("FunctionName").value("other").build();
        assert_eq!(muted(&alarm().dimensions(other).build(), &wanted), ["its Dimensions is not the template's"]);
        assert_eq!(muted(&alarm().threshold(1e6).build(), &wanted), ["its Threshold is 1000000 instead of 1"]);
        let nobody =
            json!({"AlarmActions": [], "EvaluationPeriods": 1, "MetricName": "Errors", "Period": 300, "Threshold": 1});
        assert_eq!(muted(&alarm().set_alarm_actions(None).build(), &nobody), Vec::<String>::new());
    }
}
