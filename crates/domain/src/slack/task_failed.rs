use super::blocks::{Message, context, header, section};
use super::facts;
use crate::quarantine::{Manifest, manifest_key};
use crate::remediation::Task;

/// Tells that a task other than the quarantine of a finding's object failed after all its retries. `manifest` is the
/// record of the task's case, if there is one; `error_type` is the stable name of the error. The message with the button
/// is still there, so none is added.
#[must_use]
pub fn task_failed(task: &Task, manifest: Option<&Manifest>, error_type: Option<&str>) -> Message {
    let subject = subject(task, manifest);
    let error = error_type.map_or_else(|| "no error name".to_owned(), facts::name);
    let (title, what) = explain(task);
    let mut small_print = vec![match task {
        Task::Restore { case_id } | Task::QuarantineVersions { case_id } => {
            format!("Record {}", facts::name(&manifest_key(case_id)))
        }
        task => format!("Finding {}", facts::name(task.subject_id())),
    }];
    small_print.extend(manifest.map(|manifest| format!("Finding {}", facts::name(&manifest.finding_id))));
    Message::new(
        &format!("{title}: {subject}"),
        [
            header(title),
            section(&subject),
            section(&format!(
                "{what} Trying again did not help ({error}).\n*Next:* look into the log of the finding remediator, then \
                 press the button again in two minutes. It goes on where this attempt stopped.",
            )),
            context(small_print),
        ],
    )
}

fn explain(task: &Task) -> (&'static str, &'static str) {
    match task {
        Task::Quarantine { .. } => (
            "Quarantine failed",
            "The object could not be moved. Nothing is deleted before its copy was compared, so it is in its bucket, in \
             quarantine, or in both.",
        ),
        Task::Restore { .. } => (
            "Restore failed",
            "The object could not be put back. Its copy in quarantine is deleted only after the restored object was \
             compared with it, so it is in quarantine, in its bucket, or in both.",
        ),
        Task::QuarantineVersions { .. } => (
            "Quarantine of other versions failed",
            "Not every version could be moved. Each is deleted only after its copy was compared, so none is lost; the \
             record lists those that were moved.",
        ),
        Task::BlockPublicAccess { .. } => {
            ("Block Public Access failed", "It is not certain that public access to the bucket is blocked.")
        }
        Task::EncryptByDefault { .. } => {
            ("Default encryption failed", "It is not certain that new objects of the bucket are encrypted.")
        }
    }
}

/// What the task is about, as well as it is known.
fn subject(task: &Task, manifest: Option<&Manifest>) -> String {
    match task {
        Task::Quarantine { finding } | Task::BlockPublicAccess { finding } | Task::EncryptByDefault { finding } => {
            facts::object(finding)
        }
        Task::Restore { case_id } | Task::QuarantineVersions { case_id } => {
            match manifest.and_then(|manifest| manifest.original.as_ref()) {
                Some(original) => facts::location(&original.bucket, &original.key),
                None => format!("case {}", facts::name(case_id)),
            }
        }
    }
}
