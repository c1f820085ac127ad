"""The running local cloud, spoken to over the wire as the product's own parts speak to it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import botocore.exceptions
from running_cloud import Cloud, Inbox, wait_for

HERE = Path(__file__).parent
BUILDSPEC = """
version: 0.2
env: {shell: bash, exported-variables: [STAGE]}
phases:
  pre_build:
    commands:
      - export STAGE=pre_build
      - aws s3api get-object --bucket "$SOURCE_BUCKET" --key "$SOURCE_KEY" --version-id "$SOURCE_VERSION" copy.zip
  build:
    commands:
      - export STAGE=build
      - echo "token=$TOKEN parameter=$PARAMETER mode=$MODE"
      - 'test "$MODE" != sleep || { echo sleeping $$; exec sleep 600; }'
      - test "$MODE" != fail || exit 3
    finally: [echo done > report.txt]
artifacts: {files: [report.txt]}
"""
MACHINE = {
    "QueryLanguage": "JSONata", "StartAt": "Scan",
    "States": {
        "Scan": {
            "Type": "Task", "Resource": "arn:aws:states:::codebuild:startBuild.sync",
            "TimeoutSeconds": "{% ${ScanTimeoutSeconds} %}",
            "Arguments": {
                "ProjectName": "${ScanProject}", "SourceTypeOverride": "S3",
                "SourceLocationOverride":
                    "{% $states.input.detail.bucket.name & '/' & $states.input.detail.object.key %}",
                "SourceVersion": "{% $states.input.detail.object.'version-id' %}",
                "EnvironmentVariablesOverride": [
                    {"Name": "SOURCE_BUCKET", "Value": "{% $states.input.detail.bucket.name %}", "Type": "PLAINTEXT"},
                    {"Name": "SOURCE_KEY", "Value": "{% $states.input.detail.object.key %}", "Type": "PLAINTEXT"},
                    {"Name": "SOURCE_VERSION", "Value": "{% $states.input.detail.object.'version-id' %}",
                     "Type": "PLAINTEXT"},
                    {"Name": "MODE", "Value": "{% $replace($states.input.detail.object.key, /\\.zip$/, '') %}",
                     "Type": "PLAINTEXT"},
                ],
            },
            "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "Failed",
                       "Output": {"error": "{% $states.errorOutput %}"}}],
            "Next": "Passed",
        },
        "Passed": {"Type": "Succeed", "Output": {"status": "{% $states.input.Build.BuildStatus %}"}},
        "Failed": {"Type": "Fail", "Error": "{% $states.input.error.Error %}",
                   "Cause": "{% $states.input.error.Cause %}"},
    },
}


def archive(entries: dict[str, str], executable: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o755 if name == executable else 0o644) << 16
            file.writestr(entry, text)
    return buffer.getvalue()


class RunningCloud(unittest.TestCase):
    cloud: Cloud
    inbox: Inbox
    out: dict[str, str]

    @classmethod
    def setUpClass(cls) -> None:
        cls.inbox = Inbox()
        cls.addClassCleanup(cls.inbox.close)
        cls.cloud = Cloud(LOCAL_CHATBOT_URL=cls.inbox.url, SFN_WAIT_SCALE="0.1")
        cls.addClassCleanup(cls.cloud.stop)
        cls.s3, cls.states, cls.builds = (cls.cloud.client(name) for name in ("s3", "stepfunctions", "codebuild"))
        cls.sqs, cls.functions, cls.formation = (cls.cloud.client(name) for name in ("sqs", "lambda", "cloudformation"))
        cls.s3.create_bucket(Bucket="code")
        for key, body in {
            "buildspec.yml": BUILDSPEC.encode(), "machine.asl.json": json.dumps(MACHINE).encode(),
            "function.zip": archive({"bootstrap": (HERE / "bootstrap.py").read_text()}, "bootstrap"),
        }.items():
            cls.s3.put_object(Bucket="code", Key=key, Body=body)
        cls.cloud.client("ssm").put_parameter(Name="/scan/parameter", Value="p4rameter", Type="SecureString")
        cls.formation.create_stack(
            StackName="test", TemplateBody=(HERE / "stack.json").read_text(), Capabilities=["CAPABILITY_IAM"]
        )
        cls.out = cls.settled("CREATE_COMPLETE")

    @classmethod
    def settled(cls, status: str) -> dict[str, str]:
        def probe() -> Any:
            stack = cls.formation.describe_stacks(StackName="test")["Stacks"][0]
            return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack

        stack = wait_for("the end of the stack operation", probe)
        if stack["StackStatus"] != status:
            events = cls.formation.describe_stack_events(StackName="test")["StackEvents"]
            raise AssertionError([event.get("ResourceStatusReason") for event in events])
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def refusal(self, operation: Any, **parameters: Any) -> tuple[int, str]:
        with self.assertRaises(botocore.exceptions.ClientError) as raised:
            operation(**parameters)
        answer = raised.exception.response
        return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]

    def execution(self, arn: str, *statuses: str) -> dict[str, Any]:
        def probe() -> Any:
            execution = self.states.describe_execution(executionArn=arn)
            return execution if execution["status"] in (statuses or ("SUCCEEDED", "FAILED")) else None

        return wait_for(f"the end of {arn}", probe)

    def run_machine(self, states: dict[str, Any], start: str, data: Any = None, **members: Any) -> dict[str, Any]:
        definition = {"QueryLanguage": "JSONata", "StartAt": start, "States": states, **members}
        machine = self.states.create_state_machine(
            name=f"m{os.urandom(4).hex()}", definition=json.dumps(definition),
            roleArn="arn:aws:iam::000000000000:role/r",
        )["stateMachineArn"]
        arn = self.states.start_execution(stateMachineArn=machine, input=json.dumps(data or {}))["executionArn"]
        return self.execution(arn, "SUCCEEDED", "FAILED", "TIMED_OUT")

    def messages(self, queue: str) -> list[dict[str, Any]]:
        return wait_for(f"a message in {queue}", lambda: self.sqs.receive_message(
            QueueUrl=self.out[queue], WaitTimeSeconds=1, MessageAttributeNames=["All"]).get("Messages"))

    def upload(self, key: str, body: bytes) -> tuple[str, str]:
        """Upload, and find the execution that the upload starts: version id, execution ARN."""
        before = {one["executionArn"] for one in self.executions()}
        version = self.s3.put_object(Bucket=self.out["UploadBucket"], Key=key, Body=body)["VersionId"]
        started = wait_for("an execution", lambda: [
            one["executionArn"] for one in self.executions() if one["executionArn"] not in before])
        return version, started[0]

    def executions(self) -> list[dict[str, Any]]:
        return self.states.list_executions(stateMachineArn=self.out["ScanMachine"])["executions"]

    def log(self, stream: str) -> str:
        events = self.cloud.client("logs").get_log_events(
            logGroupName="scan", logStreamName=stream, startFromHead=True)["events"]
        return "\n".join(event["message"] for event in events)


class Plug(RunningCloud):
    def test_health_and_strangers(self) -> None:
        self.assertEqual(self.cloud.admin("/_local/health")["status"], "ready")
        for headers, path, status in (({"Host": "evil.example"}, "/_local/health", 403), ({}, "/_local/none", 404)):
            with self.assertRaises(urllib.error.HTTPError) as raised:
                urllib.request.urlopen(urllib.request.Request(self.cloud.url + path, headers=headers))
            self.assertEqual(raised.exception.code, status)

    def test_an_upload_is_built_at_its_exact_version(self) -> None:
        version, arn = self.upload("good.zip", archive({"a.py": "x"}))
        execution = self.execution(arn)
        self.assertEqual(execution["status"], "SUCCEEDED", execution.get("cause"))
        self.assertEqual(json.loads(execution["output"]), {"status": "SUCCEEDED"})
        build = self.builds.batch_get_builds(ids=self.builds.list_builds(sortOrder="DESCENDING")["ids"])["builds"]
        build = next(one for one in build if one["sourceVersion"] == version)
        self.assertEqual(build["initiator"].split("/")[0], "states")
        log = self.log(build["logs"]["streamName"])
        self.assertIn("token=*** parameter=*** mode=good", log)
        uuid = build["id"].split(":")[1]
        evidence = self.out["EvidenceBucket"]
        stored = self.s3.get_object(Bucket=evidence, Key=f"builds/{uuid}/report.txt")["Body"].read()
        self.assertEqual(stored, b"done\n")
        packed = self.s3.get_object(Bucket=evidence, Key=f"logs/{uuid}.gz")["Body"].read()
        self.assertEqual(gzip.decompress(packed).decode().rstrip("\n"), log)
        self.assertEqual(build["exportedEnvironmentVariables"], [{"name": "STAGE", "value": "build"}])

    def test_the_event_of_an_upload_has_amazons_shape(self) -> None:
        version, _ = self.upload("shape.zip", archive({"a": "b"}))
        event: Any = wait_for("the event", lambda: next((
            event for event in (json.loads(message["Body"]) for message in self.messages("EventQueue"))
            if event["detail"]["object"].get("version-id") == version), None))
        self.assertEqual(set(event["detail"]), {
            "version", "bucket", "object", "request-id", "requester", "source-ip-address", "reason"})
        self.assertEqual(set(event["detail"]["object"]), {"key", "size", "etag", "version-id", "sequencer"})
        self.assertEqual(event["detail"]["reason"], "PutObject")

    def test_a_failed_build_is_the_cause(self) -> None:
        _, arn = self.upload("fail.zip", archive({"a.py": "x"}))
        execution = self.execution(arn)
        self.assertEqual(execution["error"], "States.TaskFailed")
        build = json.loads(execution["cause"])["Build"]
        phases = {phase["PhaseType"]: phase for phase in build["Phases"]}
        self.assertEqual(build["BuildStatus"], "FAILED")
        self.assertEqual(phases["BUILD"]["Contexts"][0]["StatusCode"], "COMMAND_EXECUTION_ERROR")
        self.assertIn("Reason: exit status 3", phases["BUILD"]["Contexts"][0]["Message"])
        self.assertEqual(build["ExportedEnvironmentVariables"], [{"Name": "STAGE", "Value": "build"}])
        self.assertEqual(build["Logs"]["GroupName"], "scan")

    def test_an_upload_that_is_no_zip_fails_its_download(self) -> None:
        _, arn = self.upload("broken.zip", b"no zip")
        build = json.loads(self.execution(arn)["cause"])["Build"]
        failed = next(phase for phase in build["Phases"] if phase.get("PhaseStatus") == "FAILED")
        self.assertEqual((failed["PhaseType"], failed["Contexts"][0]["StatusCode"]),
                         ("DOWNLOAD_SOURCE", "CLIENT_ERROR"))

    def test_a_stopped_execution_stops_its_build(self) -> None:
        version, arn = self.upload("sleep.zip", archive({"a.py": "x"}))

        def sleeping() -> Any:
            ids = self.builds.list_builds()["ids"]
            found = [one for one in self.builds.batch_get_builds(ids=ids)["builds"]
                     if one.get("sourceVersion") == version]
            return found[0] if found and "\nsleeping " in self.log(found[0]["logs"]["streamName"]) else None

        build = wait_for("a sleeping build", sleeping)
        process = int(self.log(build["logs"]["streamName"]).split("\nsleeping ")[1].split()[0])
        self.states.stop_execution(executionArn=arn)
        self.assertEqual(self.execution(arn, "ABORTED")["status"], "ABORTED")
        status = wait_for("the end of the build", lambda: self.builds.batch_get_builds(
            ids=[build["id"]])["builds"][0]["buildStatus"].replace("IN_PROGRESS", ""))
        self.assertEqual(status, "STOPPED")
        with self.assertRaises(ProcessLookupError):
            os.kill(process, 0)
        self.assertEqual(self.execution(arn, "ABORTED", "FAILED")["status"], "ABORTED")

    def test_start_build_refuses_what_it_cannot_do(self) -> None:
        start, name = self.builds.start_build, self.out["ScanProject"]
        self.assertEqual(self.refusal(start, projectName="none"), (400, "ResourceNotFoundException"))
        self.assertEqual(self.refusal(start, projectName=name, sourceTypeOverride="GITHUB"),
                         (400, "InvalidInputException"))
        self.assertEqual(self.refusal(start, projectName=name, sourceVersion="v", cacheOverride={"type": "S3"},
                                      secondarySourcesOverride=[{"type": "S3", "location": "b/k"}]),
                         (400, "InvalidInputException"))
        failed = self.run_machine({"A": {
            "Type": "Task", "Resource": "arn:aws:states:::codebuild:startBuild.sync",
            "Arguments": {"ProjectName": "none"}, "End": True}}, "A")
        self.assertEqual(failed["error"], "CodeBuild.ResourceNotFoundException")
        with self.assertRaises(ValueError):
            json.loads(failed["cause"])

    def test_amazon_q_subscribes_itself_and_follows_updates(self) -> None:
        deployed = self.cloud.admin("/_local/chatbot")
        self.assertEqual(deployed["channels"][0]["arn"], self.out["SlackChannel"])
        self.assertEqual(deployed["channels"][0]["properties"]["SlackChannelId"], "C01")
        self.assertEqual(deployed["actions"][0]["arn"], self.out["ApproveAction"])
        self.cloud.client("sns").publish(TopicArn=self.out["NotificationTopic"], Message='{"version":"1.0"}')
        _, headers, body = self.inbox.next()
        envelope = json.loads(body)
        self.assertEqual((envelope["Type"], envelope["Message"], headers["x-amz-sns-message-type"]),
                         ("Notification", '{"version":"1.0"}', "Notification"))
        for member in ("MessageId", "TopicArn", "Timestamp", "SignatureVersion", "Signature", "SigningCertURL"):
            self.assertIn(member, envelope)
        self.formation.update_stack(
            StackName="test", UsePreviousTemplate=True, Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": "Channel", "ParameterValue": "C02"},
                        {"ParameterKey": "Secret", "ParameterValue": "squ_second"}],
        )
        after = self.settled("UPDATE_COMPLETE")
        self.assertEqual(after, self.out, "nothing was replaced")
        channels = self.cloud.admin("/_local/chatbot")["channels"]
        self.assertEqual([one["properties"]["SlackChannelId"] for one in channels], ["C02"])
        secret = self.cloud.client("secretsmanager").get_secret_value(SecretId=self.out["TokenSecret"])
        self.assertEqual(secret["SecretString"], '{"token": "squ_second"}')
        self.assertEqual(secret["ARN"], self.out["TokenSecret"], "!Ref of a secret is its ARN")

    def test_a_cause_longer_than_allowed_is_cut_in_the_middle(self) -> None:
        failed = self.run_machine({"A": {
            "Type": "Task", "Resource": "arn:aws:states:::codebuild:startBuild.sync", "End": True,
            "Arguments": {"ProjectName": self.out["ScanProject"], "BuildspecOverride": "version: 0.1\nphases: {}\n",
                          "EnvironmentVariablesOverride": [{"Name": "BIG", "Value": "x" * 40_000}]}}}, "A")
        self.assertEqual((failed["error"], len(failed["cause"])), ("States.TaskFailed", 32_768))
        self.assertIn('"Arn":"arn:aws:codebuild:', failed["cause"])

    def test_http_subscriptions_of_templates_are_confirmed(self) -> None:
        other = Inbox()
        self.addCleanup(other.close)
        template = {"Resources": {
            "Topic": {"Type": "AWS::SNS::Topic"},
            "Hook": {"Type": "AWS::SNS::Subscription", "Properties": {
                "TopicArn": {"Ref": "Topic"}, "Protocol": "http", "Endpoint": other.url}}},
            "Outputs": {"Topic": {"Value": {"Ref": "Topic"}}}}
        self.formation.create_stack(StackName="hook", TemplateBody=json.dumps(template))
        topic = wait_for("the stack", lambda: next((
            one["Outputs"][0]["OutputValue"] for one in self.formation.describe_stacks(StackName="hook")["Stacks"]
            if one["StackStatus"] == "CREATE_COMPLETE"), None))
        self.cloud.client("sns").publish(TopicArn=topic, Message="hello", Subject="subject")
        envelope = json.loads(other.next()[2])
        self.assertEqual((envelope["Message"], envelope["Subject"]), ("hello", "subject"))

    def test_a_template_with_wrong_chatbot_properties_fails(self) -> None:
        template = {"Resources": {"Action": {"Type": "AWS::Chatbot::CustomAction", "Properties": {
            "ActionName": "no spaces", "Definition": {"CommandText": "x"}}}}}
        self.formation.create_stack(StackName="wrong", TemplateBody=json.dumps(template))
        stack = wait_for("the failure", lambda: next((
            one for one in self.formation.describe_stacks(StackName="wrong")["Stacks"]
            if not one["StackStatus"].endswith("IN_PROGRESS")), None))
        self.assertEqual(stack["StackStatus"], "ROLLBACK_COMPLETE")

    def test_calls_of_functions_and_builds_are_kept_by_role(self) -> None:
        self.functions.invoke(FunctionName=self.out["Function"], Payload=json.dumps({"do": [
            {"call": "secretsmanager.GetSecretValue", "with": {"SecretId": self.out["TokenSecret"]}}]}))
        calls = self.cloud.admin("/_local/calls")["calls"]
        mine = [one for one in calls if one["function"] == self.out["Function"]]
        self.assertIn(("secretsmanager:GetSecretValue", self.out["TokenSecret"]),
                      [(one["action"], one["resource"]) for one in mine])


class Removal(RunningCloud):
    def test_a_deleted_stack_takes_everything_with_it(self) -> None:
        topic = self.out["NotificationTopic"]
        subscriptions = self.cloud.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        self.assertEqual([one["Protocol"] for one in subscriptions], ["https"])
        self.formation.delete_stack(StackName="test")
        wait_for("the deletion", lambda: not any(
            one["StackStatus"] != "DELETE_COMPLETE" for one in self.formation.list_stacks()["StackSummaries"]))
        self.assertEqual(self.cloud.admin("/_local/chatbot"), {"channels": [], "actions": []})
        self.assertEqual(self.refusal(self.cloud.client("macie2").get_macie_session)[0], 403)
        self.assertEqual(self.cloud.client("secretsmanager").list_secrets()["SecretList"], [])


class Machines(RunningCloud):
    """Step Functions in JSONata mode, with callbacks."""

    def task(self, *do: Any, **members: Any) -> dict[str, Any]:
        return {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": True,
            "Arguments": {"FunctionName": self.out["Function"],
                          "Payload": {"do": list(do), "token": "{% $states.context.Task.Token %}"}}, **members,
        }

    @staticmethod
    def answer(operation: str, **parameters: str) -> dict[str, Any]:
        return {"call": f"AWSStepFunctions.{operation}",
                "with": {"taskToken": "{% $states.context.Task.Token %}", **parameters}}

    def test_a_function_completes_its_own_task(self) -> None:
        done = self.run_machine({"A": self.task(
            self.answer("SendTaskSuccess", output='{"outcome":"PASSED"}'), Output="{% $states.result.outcome %}")}, "A")
        self.assertEqual((done["status"], done["output"]), ("SUCCEEDED", '"PASSED"'))

    def test_a_named_failure_is_retried_with_another_token_and_caught(self) -> None:
        done = self.run_machine({
            "A": self.task(
                self.answer("SendTaskFailure", error="AnalysisPending", cause="{% $states.context.Task.Token %}"),
                Retry=[{"ErrorEquals": ["AnalysisPending"], "IntervalSeconds": 1, "MaxAttempts": 1, "BackoffRate": 1}],
                Catch=[{"ErrorEquals": ["AnalysisPending"], "Next": "C", "Output": "{% $states.errorOutput %}",
                        "Assign": {"seen": "{% $states.errorOutput.Error %}"}}]),
            "C": {"Type": "Pass", "Output": {"seen": "{% $seen %}"}, "End": True},
        }, "A")
        self.assertEqual(json.loads(done["output"]), {"seen": "AnalysisPending"})
        events = self.states.get_execution_history(executionArn=done["executionArn"])["events"]
        tokens = {event["taskFailedEventDetails"]["cause"] for event in events if event["type"] == "TaskFailed"}
        self.assertEqual(len(tokens), 2)
        self.assertEqual(self.refusal(self.states.send_task_success, taskToken=tokens.pop(), output="{}"),
                         (400, "TaskTimedOut"))
        self.assertEqual(self.refusal(self.states.send_task_success, taskToken="nobody", output="{}"),
                         (400, "InvalidToken"))

    def test_a_function_that_fails_fails_the_task_at_once(self) -> None:
        done = self.run_machine({"A": self.task({"fail": "Boom"})}, "A")
        self.assertEqual(done["error"], "Boom")

    def test_an_unanswered_task_times_out(self) -> None:
        done = self.run_machine({"A": self.task(TimeoutSeconds="{% 1 %}", Catch=[
            {"ErrorEquals": ["States.TaskFailed"], "Next": "C"}, {"ErrorEquals": ["States.Timeout"], "Next": "D"}]),
            "C": {"Type": "Fail", "Error": "Wrong"}, "D": {"Type": "Succeed", "Output": "late"}}, "A")
        self.assertEqual(done.get("output"), '"late"')

    def test_expressions_choices_and_failures(self) -> None:
        states = {
            "Key": {"Type": "Pass", "Next": "Choose", "Assign": {
                "key": "{% $replace($states.input.name, /[^A-Za-z0-9_.-]/, '-') & '-' & "
                       "$substring($hash($states.input.name, 'SHA-256'), 0, 8) %}"}},
            "Choose": {"Type": "Choice", "Default": "Other", "Choices": [
                {"Condition": "{% $states.input.outcome = 'PASSED' %}", "Next": "Passed"}]},
            "Passed": {"Type": "Succeed", "Output": {"key": "{% $key %}"}},
            "Other": {"Type": "Fail", "Error": "ScanRejected", "Cause": "{% 'by ' & $states.input.outcome %}"},
        }
        done = self.run_machine(states, "Key", {"name": "team/api", "outcome": "PASSED"})
        self.assertEqual(json.loads(done["output"]), {
            "key": f"team-api-{hashlib.sha256(b'team/api').hexdigest()[:8]}"})
        failed = self.run_machine(states, "Key", {"name": "x", "outcome": "ann"})
        self.assertEqual((failed["error"], failed["cause"]), ("ScanRejected", "by ann"))

    def test_the_machines_own_time_limit(self) -> None:
        done = self.run_machine({"A": self.task()}, "A", TimeoutSeconds=1)
        self.assertEqual(done["status"], "TIMED_OUT")

    def test_a_missing_integration_is_never_taken_for_a_failed_task(self) -> None:
        done = self.run_machine({
            "A": {"Type": "Task", "Resource": "arn:aws:states:::glue:startJobRun", "Arguments": {}, "End": True,
                  "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C"}]},
            "C": {"Type": "Succeed"}}, "A")
        self.assertEqual(done.get("error"), "States.Runtime")

    def test_notifications_and_events_are_sent(self) -> None:
        done = self.run_machine({
            "A": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Next": "B", "Arguments": {
                "TopicArn": self.out["NotificationTopic"], "Message": {"version": "1.0", "source": "custom"}}},
            "B": {"Type": "Task", "Resource": "arn:aws:states:::events:putEvents", "End": True, "Arguments": {
                "Entries": [{"Source": "my.app", "DetailType": "x", "Detail": {"a": 1}}]}},
        }, "A")
        self.assertEqual(done["status"], "SUCCEEDED", done.get("cause"))
        message = json.loads(json.loads(self.inbox.next()[2])["Message"])
        self.assertEqual(message, {"version": "1.0", "source": "custom"})
        refused = self.run_machine({"A": {
            "Type": "Task", "Resource": "arn:aws:states:::events:putEvents", "End": True, "Arguments": {
                "Entries": [{"Source": "aws.s3", "DetailType": "x", "Detail": {}}]}}}, "A")
        self.assertEqual(refused["error"], "EventBridge.FailedEntry")


class Functions(RunningCloud):
    def test_see_lambdas_environment_and_nothing_of_ours(self) -> None:
        answer = self.functions.invoke(FunctionName=self.out["Function"], Payload=b'{"environment": true}')
        environment = json.loads(answer["Payload"].read())
        self.assertEqual(environment["OWN"], "variable")
        self.assertEqual(environment["AWS_ENDPOINT_URL"], self.cloud.url)
        self.assertFalse({"PYTHONPATH", "GATEWAY_PORT", "LOCAL_CHATBOT_URL", "HOME"} & environment.keys())

    def test_a_failed_asynchronous_invocation_reaches_destination_and_dead_letters(self) -> None:
        event = {"do": [{"fail": "BadFinding"}]}
        self.functions.invoke(FunctionName=self.out["Function"], InvocationType="Event", Payload=json.dumps(event))
        record = json.loads(self.messages("FailureQueue")[0]["Body"])
        self.assertEqual(record["requestPayload"], event)
        self.assertEqual(record["responsePayload"]["errorType"], "BadFinding")
        self.assertEqual((record["requestContext"]["condition"], record["requestContext"]["approximateInvokeCount"]),
                         ("RetriesExhausted", 1))
        letter = self.messages("DeadLetterQueue")[0]
        self.assertEqual(json.loads(letter["Body"]), event)
        self.assertEqual(letter["MessageAttributes"]["ErrorMessage"]["StringValue"], "asked to fail")

    def test_only_failed_records_of_a_batch_come_back(self) -> None:
        self.sqs.send_message_batch(QueueUrl=self.out["WorkQueue"], Entries=[
            {"Id": str(number), "MessageBody": body} for number, body in enumerate(("ok", "fail me", "ok"))])
        self.assertEqual([one["Body"] for one in self.messages("RefusedQueue")], ["fail me"])
        mapping = self.functions.list_event_source_mappings(FunctionName=self.out["Function"])
        self.assertEqual(mapping["EventSourceMappings"][0]["ScalingConfig"], {"MaximumConcurrency": 2})

    def post(self, path: str, method: str = "POST", host: str = "") -> tuple[int, bytes]:
        url = self.cloud.url + ("" if host else f"/_aws/execute-api/{self.out['Api']}/$default") + path
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Slack-Signature": "v0=1"}
        if host:
            headers["Host"] = host
        request = urllib.request.Request(url, data=b"payload=%7B%7D&a=+b", headers=headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def test_the_http_api_hands_over_forms_untouched(self) -> None:
        for host in ("", f"{self.out['Api']}.execute-api.us-east-1.amazonaws.com"):
            status, body = self.post("/slack/actions", host=host)
            event = json.loads(body)
            self.assertEqual((status, event["version"], event["isBase64Encoded"]), (200, "2.0", True))
            self.assertEqual(base64.b64decode(event["body"]), b"payload=%7B%7D&a=+b")
            self.assertEqual(event["headers"]["x-slack-signature"], "v0=1")
            self.assertEqual(event["requestContext"]["http"]["method"], "POST")

    def test_the_http_api_has_only_its_route(self) -> None:
        for path, method in (("/slack/actions", "GET"), ("/slack/actions/x", "POST"), ("/", "POST")):
            self.assertEqual(self.post(path, method), (404, b'{"message":"Not Found"}'), (path, method))


class Objects(RunningCloud):
    """S3 as far as evidence and quarantine depend on it."""

    KEY = "dir/a b+ü%41?.txt"

    def setUp(self) -> None:
        self.source, self.target = self.out["UploadBucket"], self.out["EvidenceBucket"]

    def test_creation_happens_once(self) -> None:
        put = {"Bucket": self.target, "Key": "scans/1/decision.json", "Body": b"x", "IfNoneMatch": "*"}
        self.s3.put_object(**put)
        self.assertEqual(self.refusal(self.s3.put_object, **put), (412, "PreconditionFailed"))

    def test_a_version_is_copied_and_deleted_exactly(self) -> None:
        first = self.s3.put_object(Bucket=self.source, Key=self.KEY, Body=b"one", Tagging="a=b", Metadata={"m": "1"})
        second = self.s3.put_object(Bucket=self.source, Key=self.KEY, Body=b"two")
        source = {"Bucket": self.source, "Key": self.KEY, "VersionId": first["VersionId"]}
        copy = {"Bucket": self.target, "Key": "q", "CopySource": source}
        self.assertEqual(self.refusal(self.s3.copy_object, **copy, CopySourceIfMatch=second["ETag"]),
                         (412, "PreconditionFailed"))
        copied = self.s3.copy_object(**copy, CopySourceIfMatch=first["ETag"], IfNoneMatch="*")
        self.assertEqual(copied["CopySourceVersionId"], first["VersionId"])
        self.assertIn("ChecksumCRC32", copied["CopyObjectResult"])
        self.assertEqual(self.refusal(self.s3.copy_object, **copy, IfNoneMatch="*"), (412, "PreconditionFailed"))
        self.assertEqual(self.s3.head_object(Bucket=self.target, Key="q")["Metadata"], {"m": "1"})
        self.s3.delete_object(Bucket=self.source, Key=self.KEY, VersionId=first["VersionId"])
        self.assertEqual(self.refusal(self.s3.get_object, Bucket=self.source, Key=self.KEY,
                                      VersionId=first["VersionId"]), (404, "NoSuchVersion"))
        versions = self.s3.list_object_versions(Bucket=self.source, Prefix="dir/")["Versions"]
        self.assertEqual([one["VersionId"] for one in versions], [second["VersionId"]])

    def test_what_a_policy_protects_is_not_deleted(self) -> None:
        bucket = "protected"
        self.s3.create_bucket(Bucket=bucket)
        for key in ("scans/report", "other"):
            self.s3.put_object(Bucket=bucket, Key=key, Body=b"x")
        policy = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
             "Resource": f"arn:aws:s3:::{bucket}/scans/*"}]}
        self.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        with self.assertRaisesRegex(botocore.exceptions.ClientError, "AccessDenied"):
            self.s3.delete_object(Bucket=bucket, Key="scans/report")
        answer = self.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "scans/report"}, {"Key": "other"}]})
        self.assertEqual([error["Key"] for error in answer["Errors"]], ["scans/report"])
        left = self.s3.list_objects_v2(Bucket=bucket)["Contents"]
        self.assertEqual([entry["Key"] for entry in left], ["scans/report"])
        self.s3.delete_bucket_policy(Bucket=bucket)
        self.s3.delete_object(Bucket=bucket, Key="scans/report")

    def test_parts_are_copied_with_their_checksums(self) -> None:
        body = b"x" * (6 * 1024 * 1024)
        stored = self.s3.put_object(Bucket=self.source, Key="big", Body=body)
        source = {"Bucket": self.source, "Key": "big", "VersionId": stored["VersionId"]}
        upload = self.s3.create_multipart_upload(Bucket=self.target, Key="big", ChecksumAlgorithm="SHA256")["UploadId"]
        target = {"Bucket": self.target, "Key": "big", "UploadId": upload}
        parts = []
        for number, part in enumerate(("bytes=0-5242879", "bytes=5242880-6291455"), 1):
            result = self.s3.upload_part_copy(
                **target, PartNumber=number, CopySource=source, CopySourceRange=part, CopySourceIfMatch=stored["ETag"]
            )["CopyPartResult"]
            parts.append({"PartNumber": number, "ETag": result["ETag"], "ChecksumSHA256": result["ChecksumSHA256"]})
        done = self.s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})
        self.assertTrue(done["ChecksumSHA256"].endswith("-2"))
        self.assertEqual(self.s3.get_object(Bucket=self.target, Key="big")["Body"].read(), body)

    def test_a_copy_is_locked_for_as_long_as_its_bucket_says(self) -> None:
        self.s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
        self.s3.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 2}}})
        self.s3.put_object(Bucket=self.source, Key="a", Body=b"x")
        copied = self.s3.copy_object(Bucket="locked", Key="a", CopySource={"Bucket": self.source, "Key": "a"})
        at = {"Bucket": "locked", "Key": "a", "VersionId": copied["VersionId"]}
        self.assertEqual(self.s3.get_object_retention(**at)["Retention"]["Mode"], "GOVERNANCE")
        self.assertEqual(self.refusal(self.s3.delete_object, **at), (403, "AccessDenied"))

    def test_archived_objects_must_be_restored_first(self) -> None:
        self.s3.put_object(Bucket=self.source, Key="cold", Body=b"x", StorageClass="GLACIER")
        self.assertEqual(self.refusal(self.s3.copy_object, Bucket=self.target, Key="cold",
                                      CopySource={"Bucket": self.source, "Key": "cold"}),
                         (403, "ObjectNotInActiveTierError"))


    def test_a_lifecycle_rule_for_today_moves_what_is_there(self) -> None:
        self.s3.create_bucket(Bucket="ageing")
        for key in ("old/a", "new/b"):
            self.s3.put_object(Bucket="ageing", Key=key, Body=b"x")
        rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "old/"},
                "Transitions": [{"Days": 0, "StorageClass": "GLACIER"}]}
        self.s3.put_bucket_lifecycle_configuration(Bucket="ageing", LifecycleConfiguration={"Rules": [rule]})
        classes = {one["Key"]: one["StorageClass"] for one in self.s3.list_objects_v2(Bucket="ageing")["Contents"]}
        self.assertEqual(classes, {"new/b": "STANDARD", "old/a": "GLACIER"})


class Refusals(RunningCloud):
    """What a role is refused, and nobody else."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.kms = cls.cloud.client("kms")
        cls.key = cls.kms.create_key()["KeyMetadata"]["Arn"]
        cls.others = cls.kms.create_key()["KeyMetadata"]["Arn"]
        trust = {"Version": "2012-10-17", "Statement": []}
        cls.role = cls.cloud.client("iam").create_role(
            RoleName="mover", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        policy = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": cls.key}]}
        cls.cloud.client("iam").put_role_policy(RoleName="mover", PolicyName="p", PolicyDocument=json.dumps(policy))
        session = cls.cloud.admin("/_local/sessions", {"role": cls.role, "session": "mover"})
        cls.mover = cls.cloud.client("s3", session)
        for bucket in ("inbox", "quarantine"):
            cls.s3.create_bucket(Bucket=bucket)

    def denied(self, *actions: str) -> None:
        policy = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Principal": {"AWS": self.role}, "Action": list(actions),
             "Resource": ["arn:aws:s3:::inbox", "arn:aws:s3:::inbox/*"]}]}
        self.s3.put_bucket_policy(Bucket="inbox", Policy=json.dumps(policy))
        self.addCleanup(self.s3.delete_bucket_policy, Bucket="inbox")

    def test_a_bucket_policy_refuses_the_role_that_it_names(self) -> None:
        self.s3.put_object(Bucket="inbox", Key="a", Body=b"x")
        at = {"Bucket": "inbox", "Key": "a"}
        copy = {"Bucket": "quarantine", "Key": "a", "CopySource": at}
        self.denied("s3:GetObject", "s3:DeleteObject")
        self.assertEqual(self.refusal(self.mover.head_object, **at), (403, "403"))
        self.assertEqual(self.refusal(self.mover.get_object, **at), (403, "AccessDenied"))
        self.assertEqual(self.refusal(self.mover.copy_object, **copy), (403, "AccessDenied"))
        self.assertEqual(self.refusal(self.mover.delete_object, **at), (403, "AccessDenied"))
        self.assertEqual(self.mover.get_object_tagging(**at)["TagSet"], [])
        self.assertEqual(self.s3.get_object(**at)["Body"].read(), b"x")

    def test_a_bucket_policy_refuses_to_read_and_to_change_the_settings_of_the_bucket(self) -> None:
        block = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
        rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
        self.denied("s3:PutBucketPublicAccessBlock", "s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration")
        for call, given in (
            (self.mover.put_public_access_block, {"PublicAccessBlockConfiguration": block}),
            (self.mover.get_bucket_encryption, {}),
            (self.mover.put_bucket_encryption, {"ServerSideEncryptionConfiguration": rules}),
        ):
            self.assertEqual(self.refusal(call, Bucket="inbox", **given), (403, "AccessDenied"))
        self.s3.put_public_access_block(Bucket="inbox", PublicAccessBlockConfiguration=block)
        self.assertEqual(self.mover.get_public_access_block(Bucket="inbox")["PublicAccessBlockConfiguration"], block)

    def test_a_key_that_is_disabled_or_of_others_refuses_bytes_and_checksums(self) -> None:
        for name, key in (("ours", self.key), ("theirs", self.others)):
            self.s3.put_object(Bucket="inbox", Key=name, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
        ours, theirs = {"Bucket": "inbox", "Key": "ours"}, {"Bucket": "inbox", "Key": "theirs"}
        self.assertEqual(self.mover.get_object(**ours)["Body"].read(), b"x")
        self.assertEqual(self.refusal(self.mover.get_object, **theirs), (403, "AccessDenied"))
        with self.assertRaisesRegex(botocore.exceptions.ClientError, "kms:Decrypt"):
            self.mover.copy_object(Bucket="quarantine", Key="theirs", CopySource=theirs)
        self.mover.head_object(**theirs)
        self.assertEqual(self.refusal(self.mover.head_object, **theirs, ChecksumMode="ENABLED"), (403, "403"))
        self.kms.disable_key(KeyId=self.key)
        self.addCleanup(self.kms.enable_key, KeyId=self.key)
        self.assertEqual(self.refusal(self.mover.get_object, **ours), (400, "KMS.DisabledException"))


class Macie(RunningCloud):
    def setUp(self) -> None:
        self.macie = self.cloud.client("macie2")

    def job(self, *buckets: str) -> None:
        job = self.macie.create_classification_job(
            jobType="ONE_TIME", name="job", clientToken=os.urandom(8).hex(),
            s3JobDefinition={"bucketDefinitions": [{"accountId": "000000000000", "buckets": list(buckets)}]},
        )["jobId"]
        wait_for("the end of the job", lambda: (
            self.macie.describe_classification_job(jobId=job)["jobStatus"] == "COMPLETE"))

    def test_a_job_reads_the_objects_and_publishes_findings(self) -> None:
        bucket, plain = self.out["UploadBucket"], "plain-data"
        self.s3.create_bucket(Bucket=plain)
        cards = self.s3.put_object(Bucket=bucket, Key="in/cards.csv", Body=b"name,card\nann,4111 1111 1111 1111\n",
                                   Tagging="owner=ann")
        self.s3.put_object(Bucket=plain, Key="people.txt", Body=b"TFN 123 456 782\nAKIAIOSFODNN7EXAMPLE\n")
        self.s3.put_object(Bucket=plain, Key="clean.txt", Body=b"nothing here\n")
        # The stack's filter archives findings about this bucket: kept, not published.
        self.s3.put_object(Bucket=self.out["EvidenceBucket"], Key="cards.csv", Body=b"4111111111111111")
        self.job(bucket, plain, self.out["EvidenceBucket"])
        findings = self.macie.get_findings(findingIds=self.macie.list_findings()["findingIds"])["findings"]
        by_key = {one["resourcesAffected"]["s3Object"]["path"]: one for one in findings if "resourcesAffected" in one}
        financial = by_key[f"{bucket}/in/cards.csv"]
        self.assertEqual(financial["type"], "SensitiveData:S3Object/Financial")
        stored = financial["resourcesAffected"]["s3Object"]
        self.assertEqual((stored["versionId"], stored["eTag"], stored["tags"]),
                         (cards["VersionId"], cards["ETag"].strip('"'), [{"key": "owner", "value": "ann"}]))
        detected = financial["classificationDetails"]["result"]["sensitiveData"][0]["detections"][0]
        self.assertEqual(detected["occurrences"]["lineRanges"], [{"start": 2, "end": 2, "startColumn": 5}])
        multiple = by_key[f"{plain}/people.txt"]
        self.assertEqual((multiple["type"], multiple["severity"]["description"]),
                         ("SensitiveData:S3Object/Multiple", "High"))
        self.assertEqual(multiple["resourcesAffected"]["s3Object"]["versionId"], "")
        self.assertTrue(by_key[f"{self.out['EvidenceBucket']}/cards.csv"]["archived"])
        self.assertNotIn(f"{plain}/clean.txt", by_key)
        self.macie.create_sample_findings(findingTypes=["SensitiveData:S3Object/Personal"])
        events: dict[str, Any] = {}

        def received() -> bool:
            for message in self.sqs.receive_message(
                    QueueUrl=self.out["FindingQueue"], MaxNumberOfMessages=10).get("Messages", []):
                event = json.loads(message["Body"])
                events[event["detail"]["id"]] = event
            return len(events) >= 2

        wait_for("two findings in the queue", received)
        events.pop("f00", None)
        self.assertEqual(events.keys(), {financial["id"], multiple["id"]})
        event = events[financial["id"]]
        self.assertEqual((event["source"], event["detail-type"]), ("aws.macie", "Macie Finding"))
        self.assertEqual(event["detail"]["classificationDetails"]["originType"], "SENSITIVE_DATA_DISCOVERY_JOB")

    def test_a_finding_can_be_put_in(self) -> None:
        finding = {"id": "f00", "type": "Policy:IAMUser/S3BucketPublic", "category": "POLICY", "sample": False}
        self.assertEqual(self.cloud.admin("/_local/macie/findings", finding), {"id": "f00"})
        self.assertEqual(self.macie.get_findings(findingIds=["f00"])["findings"][0]["category"], "POLICY")
        wait_for("its event", lambda: any(
            json.loads(message["Body"])["detail"] == finding for message in self.messages("FindingQueue")))

    def test_unknown_things_are_refused(self) -> None:
        self.assertEqual(self.refusal(self.macie.describe_classification_job, jobId="none"),
                         (404, "ResourceNotFoundException"))
        self.assertEqual(self.refusal(self.macie.enable_macie), (409, "ConflictException"))
        self.assertEqual(self.refusal(
            self.macie.create_classification_job, jobType="ONE_TIME", name="x", clientToken="x",
            s3JobDefinition={"bucketCriteria": {}}), (400, "ValidationException"))


class Tools(unittest.TestCase):
    """What builds get of the machine that they run on."""

    def test_are_the_maven_and_the_java_that_were_found_wherever_they_are(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        tools = Path(folder.name).resolve()
        program, java = tools / "maven" / "mvn", tools / "java"
        for made in (program.parent, java):
            made.mkdir()
        program.write_text("#!/bin/sh\necho Maven on $JAVA_HOME\n")
        program.chmod(0o755)
        cloud = Cloud(LOCAL_BUILD_PATH=str(program.parent), LOCAL_BUILD_JAVA_HOME=str(java), JAVA_HOME="/elsewhere")
        self.addCleanup(cloud.stop)
        builds = cloud.client("codebuild")
        builds.create_project(
            name="project", artifacts={"type": "NO_ARTIFACTS"}, serviceRole="arn:aws:iam::000000000000:role/r",
            source={"type": "NO_SOURCE", "buildspec": "version: 0.2\nenv: {shell: bash, exported-variables: [SAID]}\n"
                    "phases: {build: {commands: ['export SAID=\"$(mvn)\"']}}"},
            environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"})
        started = builds.start_build(projectName="project")["build"]["id"]

        def ended() -> Any:
            build = builds.batch_get_builds(ids=[started])["builds"][0]
            return build if build["buildComplete"] else None

        build = wait_for("the end of the build", ended)
        self.assertEqual(build["exportedEnvironmentVariables"], [{"name": "SAID", "value": f"Maven on {java}"}])


class End(unittest.TestCase):
    """How the local cloud goes: everything it started goes with it."""

    def test_comes_with_its_parent_s_end_if_asked_to(self) -> None:
        starter = subprocess.Popen(
            [sys.executable, "-c", "import os, subprocess, sys\n"
             "child = subprocess.Popen([sys.executable, '-m', 'chatops_cloud'], stdout=subprocess.PIPE)\n"
             "print(child.pid, child.stdout.readline().split()[0].decode(), flush=True)\n"
             "sys.stdin.read()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(HERE.parent), "GATEWAY_PORT": "0",
                 "LOCAL_STOP_WITH_PARENT": "1"})
        pid, word = starter.communicate("")[0].split()
        self.assertEqual(word, "ready")
        wait_for("the end of the local cloud", lambda: not running(int(pid)))

    @unittest.skipUnless(sys.platform == "linux", "reads /proc")
    def test_leaves_no_process_and_no_file(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        cloud = Cloud(TMPDIR=folder.name)
        self.addCleanup(cloud.process.kill)
        s3, functions, builds = (cloud.client(name) for name in ("s3", "lambda", "codebuild"))
        s3.create_bucket(Bucket="code")
        s3.put_object(Bucket="code", Key="f", Body=archive(
            {"bootstrap": (HERE / "bootstrap.py").read_text()}, "bootstrap"))
        role = "arn:aws:iam::000000000000:role/r"
        functions.create_function(FunctionName="f", Runtime="provided.al2023", Handler="bootstrap", Role=role,
                                  Code={"S3Bucket": "code", "S3Key": "f"})
        self.assertEqual(functions.invoke(FunctionName="f", Payload=b"1")["Payload"].read(), b"1")
        buildspec = "version: 0.2\nphases: {build: {commands: ['setsid sleep 600 & sleep 601 & sleep 602']}}"
        builds.create_project(
            name="project", source={"type": "NO_SOURCE", "buildspec": buildspec}, artifacts={"type": "NO_ARTIFACTS"},
            serviceRole=role,
            environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"})
        builds.start_build(projectName="project")

        def started() -> list[int] | None:
            found = descendants(cloud.process.pid)
            sleeping = [one for one in found if "sleep 60" in command_line(one)]
            return found if len(sleeping) >= 3 else None

        children = wait_for("a function and a build with three children", started)
        self.assertTrue(any("bootstrap" in command_line(child) for child in children))
        self.assertEqual(cloud.stop(), 0)
        for child in children:
            wait_for(f"the end of {child}", lambda child=child: not alive(child), 5)
        self.assertEqual(os.listdir(folder.name), [])


def running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return alive(process) if sys.platform == "linux" else True


def command_line(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[-1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def descendants(process: int) -> list[int]:
    found = []
    try:
        for task in Path(f"/proc/{process}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    except OSError:
        pass
    return found


if __name__ == "__main__":
    unittest.main()
