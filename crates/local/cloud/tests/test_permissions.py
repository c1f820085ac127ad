"""What the local cloud keeps for the comparison of calls with policies: resources, condition keys, KMS, policies."""

from __future__ import annotations

import json
import unittest
from typing import Any

import botocore.exceptions
from running_cloud import Cloud, wait_for

ALLOW = {"Version": "2012-10-17", "Statement": [
    {"Sid": "S", "Effect": "Allow", "Action": ["s3:GetObject", "kms:Decrypt"], "Resource": "*"}]}
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "chatbot.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
TEMPLATE = {"Resources": {
    "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": []}}},
    "Records": {"Type": "AWS::S3::Bucket", "Properties": {
        "VersioningConfiguration": {"Status": "Enabled"},
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {
            "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": ["Key", "Arn"]}}}]}}},
    "RecordsPolicy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Records"}, "PolicyDocument": ALLOW}},
    "Plain": {"Type": "AWS::S3::Bucket", "Properties": {
        "VersioningConfiguration": {"Status": "Enabled"}, "ObjectLockEnabled": "true",
        "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": {
            "DefaultRetention": {"Mode": "GOVERNANCE", "Days": 2}}}}},
    "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": {"Ref": "Key"}}},
    "Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {
        "SecretString": "s", "KmsKeyId": {"Fn::GetAtt": ["Key", "Arn"]}}},
    "Managed": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": ALLOW}},
    "Role": {"Type": "AWS::IAM::Role", "Properties": {
        "AssumeRolePolicyDocument": TRUST, "ManagedPolicyArns": [{"Ref": "Managed"}],
        "Policies": [{"PolicyName": "Inline", "PolicyDocument": ALLOW}]}},
}, "Outputs": {
    **{name: {"Value": {"Ref": name}} for name in ("Records", "Plain", "Topic", "Secret")},
    "Role": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}, "Key": {"Value": {"Fn::GetAtt": ["Key", "Arn"]}}}}


class Permissions(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.cloud = Cloud()
        cls.addClassCleanup(cls.cloud.stop)
        formation = cls.cloud.client("cloudformation")
        formation.create_stack(StackName="test", TemplateBody=json.dumps(TEMPLATE))
        stack = wait_for("the stack", lambda: next((
            one for one in formation.describe_stacks(StackName="test")["Stacks"]
            if not one["StackStatus"].endswith("IN_PROGRESS")), None))
        assert stack["StackStatus"] == "CREATE_COMPLETE", stack
        cls.out = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}

    def setUp(self) -> None:
        self.cloud.admin("/_local/calls", method="DELETE")

    def client(self, service: str, **options: Any) -> Any:
        """A client with the role's credentials."""
        keys = self.cloud.admin("/_local/sessions", {"role": self.out["Role"], "session": "chat"})
        return self.cloud._session.create_client(
            service, region_name="us-east-1", endpoint_url=self.cloud.url,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"], aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=keys["AWS_SESSION_TOKEN"], **options,
        )

    def calls(self) -> dict[tuple[str, str], dict[str, str]]:
        """The role's calls: (action, resource) -> condition keys."""
        made = self.cloud.admin("/_local/calls")["calls"]
        return {(one["action"], one["resource"]): one["context"] for one in made if one["role"] == self.out["Role"]}

    def test_a_role_is_assumed_by_a_service(self) -> None:
        self.client("s3")
        made = self.cloud.admin("/_local/calls")["calls"]
        self.assertIn(("chatbot.amazonaws.com", "sts:AssumeRole", self.out["Role"]),
                      [(one["by"], one["action"], one["resource"]) for one in made])

    def test_an_encrypted_bucket_asks_for_its_key(self) -> None:
        s3, bucket = self.client("s3"), self.out["Records"]
        s3.put_object(Bucket=bucket, Key="a b/ü.json", Body=b"1", IfNoneMatch="*")
        s3.get_object(Bucket=bucket, Key="a b/ü.json")
        calls, key, via = self.calls(), self.out["Key"], {"kms:ViaService": "s3.us-east-1.amazonaws.com"}
        self.assertEqual(calls[("s3:PutObject", f"arn:aws:s3:::{bucket}/a b/ü.json")], {"s3:if-none-match": "*"})
        self.assertEqual(calls[("kms:GenerateDataKey", key)], via)
        self.assertEqual(calls[("kms:Decrypt", key)], via)

    def test_what_is_not_there_asks_for_the_list(self) -> None:
        bucket = self.out["Plain"]
        with self.assertRaises(botocore.exceptions.ClientError):
            self.client("s3").get_object(Bucket=bucket, Key="nothing")
        self.assertIn(("s3:ListBucket", f"arn:aws:s3:::{bucket}"), self.calls())

    def test_tags_travel_with_a_copy_and_locks_are_looked_at(self) -> None:
        bucket, records = "locked", self.out["Records"]
        self.cloud.client("s3").create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
        version = self.cloud.client("s3").put_object(Bucket=bucket, Key="k", Body=b"1", Tagging="a=b")["VersionId"]
        s3 = self.client("s3")
        s3.head_object(Bucket=bucket, Key="k", VersionId=version)
        s3.copy_object(Bucket=records, Key="c", CopySource={"Bucket": bucket, "Key": "k", "VersionId": version})
        calls, source = self.calls(), f"arn:aws:s3:::{bucket}/k"
        for action in ("s3:GetObjectVersion", "s3:GetObjectVersionTagging", "s3:GetObjectRetention", "s3:GetObjectLegalHold"):
            self.assertIn((action, source), calls)
        for action in ("s3:PutObject", "s3:PutObjectTagging"):
            self.assertIn((action, f"arn:aws:s3:::{records}/c"), calls)
        self.assertNotIn(("s3:GetObjectTagging", source), calls)

    def test_a_template_locks_what_is_put_into_its_bucket(self) -> None:
        at = {"Bucket": self.out["Plain"], "Key": "locked"}
        self.cloud.client("s3").put_object(**at, Body=b"1")
        lock = self.cloud.client("s3").get_object_retention(**at)["Retention"]
        self.assertEqual(lock["Mode"], "GOVERNANCE")

    def test_a_multipart_upload_is_a_put(self) -> None:
        s3, bucket = self.client("s3"), self.out["Plain"]
        upload = s3.create_multipart_upload(Bucket=bucket, Key="m", Tagging="a=b")["UploadId"]
        s3.upload_part(Bucket=bucket, Key="m", UploadId=upload, PartNumber=1, Body=b"1")
        s3.abort_multipart_upload(Bucket=bucket, Key="m", UploadId=upload)
        resource = f"arn:aws:s3:::{bucket}/m"
        self.assertEqual({action for action, on in self.calls() if on == resource},
                         {"s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload"})

    def test_topics_and_secrets_ask_for_their_key(self) -> None:
        self.client("sns").publish(TopicArn=self.out["Topic"], Message="m")
        self.client("secretsmanager").get_secret_value(SecretId=self.out["Secret"])
        made = self.cloud.admin("/_local/calls")["calls"]
        asked = {(one["action"], one["context"].get("kms:ViaService", "").split(".")[0]) for one in made
                 if one["resource"] == self.out["Key"]}
        self.assertEqual(asked, {("kms:Decrypt", "sns"), ("kms:GenerateDataKey", "sns"), ("kms:Decrypt", "secretsmanager")})

    def test_a_mail_is_of_the_verified_identity(self) -> None:
        ses = self.cloud.client("sesv2")
        ses.create_email_identity(EmailIdentity="example.com")
        self.client("sesv2").send_email(
            FromEmailAddress="Security <a@example.com>", Destination={"ToAddresses": ["b@example.com"]},
            Content={"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}})
        self.assertEqual(self.calls()[("ses:SendEmail", "arn:aws:ses:us-east-1:000000000000:identity/example.com")],
                         {"ses:FromAddress": "a@example.com"})

    def test_what_is_deployed_is_told_by_its_logical_name(self) -> None:
        deployed = self.cloud.admin("/_local/permissions")
        role = next(one for one in deployed["roles"] if one["arn"] == self.out["Role"])
        self.assertEqual((role["stack"], role["name"], role["trust"]), ("test", "Role", TRUST))
        self.assertEqual(role["policies"], {"Inline": ALLOW, "Managed": ALLOW})
        bucket = deployed["resources"][f"arn:aws:s3:::{self.out['Records']}"]
        self.assertEqual((bucket["name"], bucket["policy"]), ("Records", ALLOW))

    def test_a_session_without_a_role_is_refused(self) -> None:
        with self.assertRaises(Exception) as raised:
            self.cloud.admin("/_local/sessions", {"session": "x"})
        self.assertEqual(getattr(raised.exception, "code", None), 400)


if __name__ == "__main__":
    unittest.main()
