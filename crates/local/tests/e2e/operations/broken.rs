//! Things that break in a deployment, each with what the doctor says about it.

mod data;
mod findings;
mod scan;

use std::pin::Pin;

use anyhow::Context as _;
use local::world::World;

type Mending<'a> = Pin<Box<dyn Future<Output = anyhow::Result<()>> + 'a>>;
type Breaking<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Mending<'a>>> + 'a>>;

/// One thing that breaks.
pub(crate) struct Broken {
    pub(crate) what: &'static str,
    /// Breaks it, and returns what mends it.
    pub(crate) break_it: for<'a> fn(&'a World) -> Breaking<'a>,
    /// What the doctor says.
    pub(crate) found: &'static [&'static str],
}

/// What breaks, by which function, and what is said of it.
macro_rules! broken {
    ($($what:literal by $part:ident :: $name:ident ($($argument:expr),*) says [$($found:literal),+];)+) => {
        &[$(Broken {
            what: $what,
            break_it: |world| Box::pin($part::$name(world $(, $argument)*)),
            found: &[$($found),+],
        }),+]
    };
}

pub(crate) const BROKEN: &[Broken] = broken! {
    "somebody overwrites the signing secret with a placeholder"
        by findings::secret("SlackSigningSecretSecret", "UPDATE-THIS-SIGNING-SECRET")
        says ["FAILS  secret SlackSigningSecretSecret", "is still a placeholder"];
    "somebody turns Macie off" by findings::macie()
        says ["FAILS  Amazon Macie: it is not enabled", "aws macie2 enable-macie"];
    "somebody replaces the policy of the quarantine bucket" by data::policy(data::emptied)
        says ["FAILS  bucket QuarantineBucket", "its policy lacks", "LetNobodyElseReadWhatIsQuarantined"];
    "somebody lets all roles read the quarantine, in the statement that forbids it" by data::policy(data::weakened)
        says ["FAILS  bucket QuarantineBucket",
            "the statement LetNobodyElseReadWhatIsQuarantined of its policy was changed (Condition)"];
    "somebody adds a statement to the policy of the quarantine bucket" by data::policy(data::opened)
        says ["FAILS  bucket QuarantineBucket", "its policy has a statement that is not ours: Friends"];
    "somebody stops the versioning of the evidence bucket" by data::versioning()
        says ["FAILS  bucket EvidenceBucket", "versioning is off"];
    "somebody takes the key from the evidence bucket" by data::encryption()
        says ["FAILS  bucket EvidenceBucket", "its encryption's SSEAlgorithm is AES256 instead of aws:kms"];
    "somebody lets the quarantine forget after a day" by data::lifecycle()
        says ["FAILS  bucket QuarantineBucket",
            "a lifecycle rule that is not the template's deletes objects: tidy-up"];
    "somebody disables the key" by data::key_disabled()
        says ["FAILS  key EncryptionKey: it is Disabled", "aws kms enable-key --key-id"];
    "somebody deletes the key" by data::key_deleted()
        says ["FAILS  key EncryptionKey: it is scheduled for deletion", "aws kms cancel-key-deletion --key-id"];
    "somebody turns off the events of the upload bucket" by scan::notification()
        says ["FAILS  bucket UploadBucket", "it does not tell EventBridge about uploads"];
    "somebody takes the state machine from the upload rule" by scan::target_removed()
        says ["FAILS  rule UploadRule: it has no target"];
    "somebody lets the upload rule lose what it cannot deliver" by scan::target_changed()
        says ["FAILS  rule UploadRule: its target is not the template's"];
    "somebody lets builds run in an image of their own" by scan::image()
        says ["FAILS  build project ScanProject",
            "its image is example/backdoor:latest instead of aws/codebuild/amazonlinux"];
    "somebody gives builds another role and another server" by scan::environment()
        says ["FAILS  build project ScanProject", "its role is arn:aws:iam::000000000000:role/Admin instead of",
            "its environment is not the template's"];
    "somebody lets the state machine skip the scan" by scan::definition()
        says ["FAILS  state machine CodeScanStateMachine: its definition is not the template's"];
    "somebody gives the channel every permission" by scan::guardrail()
        says ["FAILS  Slack channel SlackChannel",
            "its guardrail is arn:aws:iam::aws:policy/AdministratorAccess instead of"];
    "somebody takes the topic from the channel" by scan::channel_topic()
        says ["FAILS  Slack channel SlackChannel", "FAILS  topic NotificationTopic: Amazon Q does not listen to it"];
    "somebody lets everybody publish approvals" by scan::topic_policy()
        says ["FAILS  topic NotificationTopic", "its policy has a statement that is not ours: Everybody"];
    "somebody takes a right from a function" by scan::policy_removed()
        says ["FAILS  role CheckBuildStatusRole: its policy FunctionsSeeExecutions is gone"];
    "somebody makes a function an administrator" by scan::administrator()
        says ["FAILS  role ApprovalRole: it has a policy that is not ours: arn:aws:iam::aws:policy/AdministratorAccess"];
    "somebody lets other accounts be the function" by scan::trust()
        says ["FAILS  role ApprovalRole: who may take it: "];
    "somebody deploys other code by hand" by scan::code()
        says ["FAILS  function ApprovalFunction: it runs other code than the release's"];
    "somebody sends the mails elsewhere" by scan::variable()
        says ["FAILS  function ApprovalFunction: its variable SHARED_INBOX_MAIL is not the template's"];
    "somebody deletes a log" by scan::log_deleted()
        says ["FAILS  log group ApprovalLogGroup: it is gone", "aws logs create-log-group"];
    "somebody shortens the life of a log" by scan::log_shortened()
        says ["FAILS  log group ApprovalLogGroup: the days that it is kept is 1 instead of"];
    "somebody disables the rule that takes findings" by findings::rule()
        says ["FAILS  rule FindingRule: it is disabled"];
    "somebody takes the dead letters from the queue" by findings::redrive()
        says ["FAILS  queue FindingQueue: what fails is tried for ever"];
    "somebody stops the function that reads the queue" by findings::mapping()
        says ["FAILS  event source FindingHandlerQueueMapping: it is Disabled"];
    "somebody lets one failure repeat its whole batch" by findings::whole_batches()
        says ["FAILS  event source FindingHandlerQueueMapping: its FunctionResponseTypes"];
    "somebody throttles the remediation" by findings::throttled()
        says ["FAILS  function FindingRemediatorFunction: it is throttled: its reserved concurrency is 0"];
    "somebody drops the results of remediations" by findings::results()
        says ["FAILS  results FindingRemediatorInvokeConfig: its DestinationConfig"];
    "somebody follows the link at the foot of an alarm's mail" by findings::unsubscribed()
        says ["FAILS  topic AlarmTopic: the address AlarmEmail is not subscribed to it any more"];
    "somebody mutes an alarm" by findings::alarm()
        says ["FAILS  alarm FindingDeadLettersAlarm: its actions are turned off"];
    "a finding could not be handled" by findings::dead_letter()
        says ["FAILS  dead letters FindingDeadLetterQueue: 1 message"];
};

/// The physical id of a resource.
pub(crate) async fn physical(world: &World, stack: &str, logical_id: &str) -> anyhow::Result<String> {
    let client = aws_sdk_cloudformation::Client::new(&world.aws);
    let stack = format!("{}-{stack}", world.deployment.name);
    let answer = client.describe_stack_resource().stack_name(stack).logical_resource_id(logical_id).send().await?;
    let id = answer.stack_resource_detail.and_then(|resource| resource.physical_resource_id);
    id.with_context(|| format!("{logical_id} has no physical id"))
}
