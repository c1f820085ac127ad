//! What the developers read once a person has decided.

use std::fmt::Write as _;

use super::{
    decision::{Decision, Outcome},
    diagnosis::GateFailure,
    links::Links,
    report::Report,
};
use crate::text::{cut, visible};

/// A mail in its two forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line.
    pub subject: String,
    /// For readers without HTML.
    pub text: String,
    /// The same, with links.
    pub html: String,
}

/// The mail about a decision. Everything in it comes from our own records.
#[must_use]
pub fn decided(report: &Report, failure: &GateFailure, decision: &Decision, links: &Links) -> Mail {
    let approved = decision.outcome == Outcome::Approved;
    let project = cut(&visible(&report.project_key), 120);
    let verdict = if approved { "approved" } else { "rejected" };
    let lead = if approved {
        "The quality gate of this version failed, and the failure was approved in the team's Slack channel."
    } else {
        "The quality gate of this version failed, and the version was rejected in the team's Slack channel."
    };
    let next_steps: &[&str] = if approved {
        &[
            "Go on with exactly this version; another upload is scanned and decided anew.",
            "Plan the fixes: the findings stay open until they are mended.",
        ]
    } else {
        &[
            "Mend the findings that this mail lists.",
            "Upload the zip again: the new version is scanned and decided anew.",
        ]
    };
    let upload = &report.upload;
    let mut facts = vec![
        ("Project", project.clone()),
        ("Upload", cut(&visible(&format!("{}/{}", upload.bucket, upload.key)), 1_100)),
        ("Version", visible(&upload.version_id)),
        ("Decision", format!("{verdict} at {}", decision.decided_at)),
        ("Approval reference", format!("{} / {}", decision.scan_id, decision.request_id)),
    ];
    for condition in &failure.conditions {
        let text = format!("{}: {}, required {}", condition.metric, condition.actual, condition.required);
        facts.push(("Failing condition", cut(&visible(&text), 200)));
    }
    if let Some(gap) = failure.gap() {
        facts.push(("Issues", gap.to_owned()));
    }
    for issue in &failure.worst {
        let line = issue.line.map(|line| format!(":{line}")).unwrap_or_default();
        let text = format!("{} {}{line} {} {}", issue.severity, issue.file, issue.rule, issue.message);
        facts.push(("Issue", cut(&visible(&text), 400)));
    }
    let mut addresses = vec![("Details in SonarQube", links.dashboard.as_str())];
    if let Some(guide) = &links.triage_guide {
        addresses.push(("How to triage", guide.as_str()));
    }
    if let Some(build) = &links.build {
        addresses.push(("Build", build.as_str()));
    }
    Mail {
        subject: format!("Code scan of {project}: {verdict}"),
        text: render_text(lead, &facts, next_steps, &addresses),
        html: render_html(lead, &facts, next_steps, &addresses),
    }
}

fn render_text(lead: &str, facts: &[(&str, String)], next_steps: &[&str], addresses: &[(&str, &str)]) -> String {
    let mut text = format!("{lead}\n\n");
    for (label, value) in facts {
        let _ = writeln!(text, "{label}: {value}");
    }
    text.push_str("\nNext steps:\n");
    for step in next_steps {
        let _ = writeln!(text, "- {step}");
    }
    text.push('\n');
    for (label, address) in addresses {
        let _ = writeln!(text, "{label}: {address}");
    }
    text
}

fn render_html(lead: &str, facts: &[(&str, String)], next_steps: &[&str], addresses: &[(&str, &str)]) -> String {
    let mut html = format!("<!DOCTYPE html>\n<html lang=\"en\"><body>\n<p>{}</p>\n<table>\n", escape(lead));
    for (label, value) in facts {
        let _ = writeln!(html, "<tr><th align=\"left\">{}</th><td>{}</td></tr>", escape(label), escape(value));
    }
    html.push_str("</table>\n<p>Next steps:</p>\n<ul>\n");
    for step in next_steps {
        let _ = writeln!(html, "<li>{}</li>", escape(step));
    }
    html.push_str("</ul>\n<p>\n");
    for (label, address) in addresses {
        // A build without a known address is named.
        let _ = if address.starts_with("http") {
            writeln!(html, "<a href=\"{}\">{}</a><br>", escape(address), escape(label))
        } else {
            writeln!(html, "{}: {}<br>", escape(label), escape(address))
        };
    }
    html.push_str("</p>\n</body></html>\n");
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{
        diagnosis::Verdict,
        notification::tests::{gate_failure, links, report},
    };

    fn mail(outcome: Outcome, change: impl FnOnce(&mut Report)) -> Mail {
        mail_about(&gate_failure(), outcome, change)
    }

    fn mail_about(failure: &GateFailure, outcome: Outcome, change: impl FnOnce(&mut Report)) -> Mail {
        let mut report = report(&Verdict::QualityGateFailed(failure.clone()));
        change(&mut report);
        let decision = Decision {
            scan_id: report.scan_id.clone(),
            outcome,
            decided_at: "2026-11-21T11:00:00Z".parse().unwrap(),
            request_id: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef".into(),
            upload: Some(report.upload.clone()),
        };
        decided(&report, failure, &decision, &links(&report))
    }

    #[test]
    fn issues_that_are_missing_are_missing_in_so_many_words() {
        let conditions = gate_failure().conditions;
        let failure = GateFailure { conditions, unread: true, ..GateFailure::default() };
        let mail = mail_about(&failure, Outcome::Rejected, |_| {});
        assert!(mail.text.contains("Issues: could not be read; see the details in SonarQube"), "{}", mail.text);
        assert!(mail.html.contains("could not be read; see the details in SonarQube"), "{}", mail.html);
    }

    #[test]
    fn an_approval_names_the_version_and_its_reference() {
        let mail = mail(Outcome::Approved, |_| {});
        insta::assert_snapshot!(format!("{}\n\n{}", mail.subject, mail.text));
        insta::assert_snapshot!(mail.html);
    }

    #[test]
    fn a_rejection_asks_for_a_mended_upload() {
        let mail = mail(Outcome::Rejected, |_| {});
        assert_eq!(mail.subject, "Code scan of payments-api-1f2e3d4c: rejected");
        assert!(mail.text.contains("Upload the zip again"));
    }

    #[test]
    fn a_hostile_key_stays_text() {
        let hostile = "<script>alert(1)</script>\r\nBcc: all@example.com";
        let mail = mail(Outcome::Approved, |report| {
            report.upload.key = hostile.into();
            report.project_key = hostile.into();
        });
        assert!(!mail.html.contains("<script>"));
        assert!(!mail.subject.contains(['\r', '\n']));
        assert!(!mail.text.contains("\nBcc:"));
    }
}
