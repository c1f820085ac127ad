//! What the last confirmed verdict on a project was: whether a gate that is passed is a recovery.

use domain::scan::report::{Moment, ProjectState, Report};
use platform::records::RecordError;

use crate::{CheckBuildStatus, Error, best_effort::best_effort};

impl CheckBuildStatus {
    /// Whether the project's gate failed with the upload before this one. One with a later upload that failed meanwhile
    /// has not recovered by an earlier one.
    pub(crate) async fn failed_before(&self, project_key: &str, moment: Moment) -> bool {
        let key = ProjectState::key(project_key);
        let read = async { self.records.read::<ProjectState>(&key).await.map_err(Error::Record) };
        let state = best_effort("read the last verdict on the project", read).await.flatten();
        state.is_some_and(|state| !state.passed && state.is_older_than(moment))
    }

    /// Records the verdict as the project's last one, unless there is one on a later upload. A state that is unreadable is
    /// written over: it would be so for ever.
    pub(crate) async fn keep_last_verdict(&self, report: &Report, moment: Moment) -> Result<(), Error> {
        let Some(state) = ProjectState::of(report, moment) else { return Ok(()) };
        let key = ProjectState::key(&report.project_key);
        let kept = self.records.update(&key, |last: Option<ProjectState>| {
            let older = last.is_none_or(|last| last.is_older_than(moment));
            (older.then(|| state.clone()), ())
        });
        match kept.await {
            Err(RecordError::Unreadable { .. } | RecordError::TooLarge { .. }) => {
                self.records.replace(&key, &state).await.map_err(Error::Record)
            }
            kept => kept.map_err(Error::Record),
        }
    }
}
