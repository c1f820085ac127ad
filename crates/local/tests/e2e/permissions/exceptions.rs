//! What the roles may do although no story needs it, each with the reason.

use local::permissions::{Call, Deployed, evaluate::evaluate, judgement::Grant};

use super::owner;

/// A call that AWS refuses in a story, and may. One that is not refused any more makes the test fail.
#[derive(Debug)]
pub(super) struct Denial {
    /// The template's name of the role.
    role: &'static str,
    action: &'static str,
    /// The template's name of the bucket, queue, topic or key.
    resource: &'static str,
    #[expect(dead_code, reason = "for who reads the list, and the test's complaint")]
    why: &'static str,
}

impl Denial {
    pub(super) fn covers(&self, call: &Call, deployed: &Deployed) -> bool {
        let by = deployed.roles.iter().any(|role| role.arn == call.role && role.name == self.role);
        let on = deployed.resources.get(owner(call)).is_some_and(|resource| resource.name == self.resource);
        by && on && call.action == self.action && evaluate(call, deployed).is_err()
    }
}

/// Grants on a list. An entry that is needed by now, or has no grant any more, makes the test fail.
pub(super) struct Exception {
    /// The template's name of the role or resource, and the statement's Sid.
    pub(super) of: (&'static str, &'static str),
    /// `*` stands for all of the statement.
    pub(super) actions: &'static [&'static str],
    /// How the resource ends; empty for all of the statement's resources. `…` stands for what CloudFormation makes up.
    pub(super) resource: &'static str,
    /// What has to happen before the grant is needed.
    pub(super) why: &'static str,
}

impl Exception {
    pub(super) fn covers(&self, grant: &Grant) -> bool {
        self.actions.iter().any(|action| self.covers_action(grant, action))
    }

    pub(super) fn covers_action(&self, grant: &Grant, action: &str) -> bool {
        (grant.owner.as_str(), grant.sid.as_str()) == self.of
            && (action == "*" || grant.action == action)
            && self.covers_resource(&grant.resource)
    }

    fn covers_resource(&self, resource: &str) -> bool {
        let (name, end) = self.resource.rsplit_once('…').unwrap_or(("", self.resource));
        resource.strip_suffix(end).is_some_and(|start| start.contains(name))
    }
}

const fn all(of: (&'static str, &'static str), actions: &'static [&'static str], why: &'static str) -> Exception {
    Exception { of, actions, resource: "", why }
}

/// A wide grant; the resource's end says how wide.
const fn wide(role: &'static str, sid: &'static str, resource: &'static str, why: &'static str) -> Exception {
    Exception { of: (role, sid), actions: &["*"], resource, why }
}

pub(super) const DENIED: &[Denial] = &[
    Denial {
        role: "ScanRole",
        action: "s3:ListBucket",
        resource: "UploadBucket",
        why: "of a version that is gone S3 then says 403 instead of 404; the build ends with either, and may not list uploads",
    },
    hidden_lock("FindingHandlerRole", "s3:GetObjectRetention"),
    hidden_lock("FindingHandlerRole", "s3:GetObjectLegalHold"),
    hidden_lock("RemediationHandlerRole", "s3:GetObjectRetention"),
    hidden_lock("RemediationHandlerRole", "s3:GetObjectLegalHold"),
];

const fn hidden_lock(role: &'static str, action: &'static str) -> Denial {
    let why = "S3 answers without the lock then, and whoever reads a record does not ask about its lock";
    Denial { role, action, resource: "QuarantineBucket", why }
}

/// No call of a story needs these.
pub(super) const UNUSED: &[Exception] = &[
    Exception {
        of: ("ApprovalRole", "MailTheDevelopers"),
        actions: &["ses:SendEmail"],
        resource: "identity/developers@example.com",
        why: "SES asks for the recipient's identity as well while the account is in its sandbox",
    },
    all(
        ("EncryptionKey", "LetAlarmsPublishToEncryptedTopics"),
        &["kms:Decrypt", "kms:GenerateDataKey"],
        "an alarm goes off; the local cloud has no alarms",
    ),
    all(
        ("UploadDeadLetterQueue", "TakeUploadsThatStartedNoScan"),
        &["sqs:SendMessage"],
        "EventBridge cannot start the state machine",
    ),
    all(
        ("ExecutionEndedDeadLetterQueue", "TakeEndsThatNobodyCouldBeAskedAbout"),
        &["sqs:SendMessage"],
        "EventBridge cannot reach the function",
    ),
    all(
        ("CheckBuildStatusRole", "KeepEndsThatCouldNotBeTold"),
        &["sqs:SendMessage"],
        "CheckBuildStatus fails three times in a row at the end of an execution",
    ),
    all(
        ("FindingDeadLetterQueue", "TakeFindingsThatCouldNotBeQueued"),
        &["sqs:SendMessage"],
        "EventBridge cannot reach the queue",
    ),
    all(
        ("ScanRole", "ReadTheBuildspec"),
        &["s3:GetObjectVersion"],
        "CodeBuild's guide asks for it beside s3:GetObject, and the bucket has versions",
    ),
    Exception {
        of: ("FindingHandlerRole", "KeepDigestsAndCountAutomaticRemediations"),
        actions: &["s3:GetObject"],
        resource: "/auto/*",
        why: "the same finding is remediated at once a second time",
    },
    all(
        ("FindingRemediatorRole", "PutObjectsIntoQuarantine"),
        &["s3:AbortMultipartUpload"],
        "the copy of an object of more than 5 GB fails",
    ),
    all(
        ("FindingRemediatorRole", "PutObjectsIntoQuarantine"),
        &["s3:GetObjectTagging", "s3:GetObjectVersionTagging"],
        "a restored object has more tags than fit into a header, so they are copied instead of set",
    ),
    all(
        ("QuarantineLogBucket", "TakeTheAccessLogOfTheQuarantine"),
        &["s3:PutObject"],
        "S3 delivers its access log, which the local cloud has none of",
    ),
    all(
        ("FindingRemediatorRole", "ProtectBuckets"),
        &["s3:PutEncryptionConfiguration"],
        "a bucket is without default encryption, which S3 has turned on for all of them since 2023",
    ),
    all(
        ("QuarantineBucket", "LetTheInvestigatorRead"),
        &["*"],
        "it is for a role that is not of a stack; the story of the locked quarantine judges it",
    ),
    all(
        ("FindingRemediatorRole", "TakeObjectsOutOfTheirBuckets"),
        &["s3:AbortMultipartUpload"],
        "an object of more than 5 GB cannot be put back",
    ),
];

/// These reach further than what was done, each for its reason; widened any more they are on this list no longer.
pub(super) const WIDE: &[Exception] = &[
    wide("FindingHandlerRole", "WriteItsLog", "/FindingHandlerLogGroup:*", STREAMS),
    wide("RemediationHandlerRole", "WriteItsLog", "/RemediationHandlerLogGroup:*", STREAMS),
    wide("FindingRemediatorRole", "WriteItsLog", "/FindingRemediatorLogGroup:*", STREAMS),
    wide("CheckBuildStatusRole", "WriteItsLog", "/CheckBuildStatusLogGroup:*", STREAMS),
    wide("ApprovalRole", "WriteItsLog", "/ApprovalLogGroup:*", STREAMS),
    wide("ScanRole", "WriteTheBuildLog", "/ScanLogGroup:*", STREAMS),
    wide("CheckBuildStatusRole", "ReadTheBuildLog", "/ScanLogGroup:*", STREAMS),
    wide("CheckBuildStatusRole", "KeepReports", "/projects/*", UPLOADS),
    wide("CheckBuildStatusRole", "KeepReports", "/uploads/*", UPLOADS),
    wide("ApprovalRole", "ReadReports", "/uploads/*", UPLOADS),
    wide("CheckBuildStatusRole", "FunctionsSeeExecutions", "-CodeScanStateMachine-…:*", EXECUTIONS),
    wide("ApprovalRole", "FunctionsSeeExecutions", "-CodeScanStateMachine-…:*", EXECUTIONS),
    wide("ScanRole", "KeepArtifactsAndLogs", "/builds/*", "CodeBuild names builds and their logs"),
    wide("ScanRole", "ReadWhatWasUploaded", "/*", UPLOADS),
    wide("FindingHandlerRole", "KeepDigestsAndCountAutomaticRemediations", "/digests/*", RECORDS),
    wide("FindingHandlerRole", "KeepDigestsAndCountAutomaticRemediations", "/auto/*", RECORDS),
    wide("FindingHandlerRole", "KeepDigestsAndCountAutomaticRemediations", "/breaker/*", RECORDS),
    wide("FindingHandlerRole", "SeeWhatBecameOfACase", "/cases/*", RECORDS),
    wide("RemediationHandlerRole", "SeeWhatBecameOfACase", "/cases/*", RECORDS),
    wide("RemediationHandlerRole", "TakeEachRequestOnce", "/presses/*", RECORDS),
    wide("RemediationHandlerRole", "RememberWhatWasListed", "/digests/*/listed/*", RECORDS),
    wide("FindingRemediatorRole", "PutObjectsIntoQuarantine", "/*", "objects and records of any name are its own"),
    wide(
        "FindingRemediatorRole",
        "TakeRestoredObjectsOutOfQuarantine",
        "/objects/*",
        "an object's name is part of the key",
    ),
    wide("FindingRemediatorRole", "TakeObjectsOutOfTheirBuckets", "arn:aws:s3:::*/*", SOURCES),
    wide("FindingRemediatorRole", "SeeWhichVersionsThereAre", "arn:aws:s3:::*", SOURCES),
    wide("FindingRemediatorRole", "ProtectBuckets", "arn:aws:s3:::*", SOURCES),
];

const STREAMS: &str = "Lambda and CodeBuild name the streams";
const RECORDS: &str = "the keys of records have ids and hours in them";
const UPLOADS: &str = "developers name what they upload";
const EXECUTIONS: &str = "the execution's name is the scan's id";
const SOURCES: &str = "a finding may be about any bucket as long as SourceBucketPattern is *";
