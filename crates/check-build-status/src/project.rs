//! What the last confirmed verdict on a project was: whether a gate that is passed is a recovery.

use domain::scan::report::{Moment, ProjectState, Report};
use platform::records::RecordError;

use crate::{CheckBuildStatus, Error, best_effort::best_effort};

/// How many other scans of the project may have been faster while one records.
const TRIES: usize = 10;

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
        for _ in 0..TRIES {
            let found = match self.records.read_state::<ProjectState>(&key).await {
                Err(RecordError::Unreadable { .. } | RecordError::TooLarge { .. }) => {
                    return self.records.replace(&key, &state).await.map_err(Error::Record);
                }
                found => found.map_err(Error::Record)?,
            };
            if found.as_ref().is_some_and(|(last, _)| !last.is_older_than(moment)) {
                return Ok(());
            }
            let read = found.map(|(_, read)| read);
            if self.records.write_if(&key, &state, read.as_ref()).await.map_err(Error::Record)?.is_some() {
                return Ok(());
            }
        }
        Err(Error::Record(RecordError::Busy { key }))
    }
}
