#!/usr/bin/env python3
"""A function for tests: a `bootstrap` that speaks Lambda's Runtime API and does what its event says."""

import json
import os
import time
import urllib.request

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
ENDPOINT = os.environ["AWS_ENDPOINT_URL"]


def post(path, body):
    data = json.dumps(body).encode()
    urllib.request.urlopen(urllib.request.Request(API + path, data=data, method="POST"), timeout=10).read()


def aws(target, parameters):
    """An unsigned-but-labelled JSON call, enough for the local cloud."""
    scope = {"AWSStepFunctions": "states", "secretsmanager": "secretsmanager", "AmazonSQS": "sqs"}[target.split(".")[0]]
    headers = {
        "X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/20260101/"
                         f"{os.environ['AWS_REGION']}/{scope}/aws4_request, SignedHeaders=host, Signature=0",
    }
    request = urllib.request.Request(ENDPOINT, data=json.dumps(parameters).encode(), headers=headers, method="POST")
    return json.loads(urllib.request.urlopen(request, timeout=10).read() or b"{}")


class Failure(Exception):
    def __init__(self, kind):
        super().__init__(kind)
        self.kind = kind


def handle(event):
    if not isinstance(event, dict):
        return event
    if "Records" in event:
        failures = [record["messageId"] for record in event["Records"] if "fail" in record["body"]]
        print(json.dumps({"records": len(event["Records"])}), flush=True)
        return {"batchItemFailures": [{"itemIdentifier": one} for one in failures]}
    if "requestContext" in event and "http" in event["requestContext"]:
        return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(event)}
    for action in event.get("do", []):
        if "fail" in action:
            raise Failure(action["fail"])
        if "call" in action:
            aws(action["call"], action["with"])
        if "sleep" in action:
            time.sleep(action["sleep"])
        if "exit" in action:
            os._exit(action["exit"])
    if event.get("environment"):
        return dict(os.environ)
    return event


while True:
    with urllib.request.urlopen(API + "/next") as invocation:
        request_id = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
        event = json.loads(invocation.read())
    try:
        result = handle(event)
    except Failure as failure:
        post(f"/{request_id}/error", {"errorType": failure.kind, "errorMessage": "asked to fail"})
    else:
        post(f"/{request_id}/response", result)
