"""SNS deliveries over HTTP: Amazon Q's go to the Slack stand-in, none leaves the machine.

Plays the https subscription of Amazon Q (LOCAL_CHATBOT_URL takes its deliveries, as the ordinary notification
envelope), SNS's headers and retries, subscriptions by CloudFormation that are confirmed and unique, and a topic's key.
Touches ministack's `sns._http_post_sync`, `sns._topics` and the `AWS::SNS::Subscription` entry of
`provisioners._RESOURCE_HANDLERS`.
"""

from __future__ import annotations

import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ministack.services import sns
from ministack.services.cloudformation import provisioners

from .loopback import OffMachine, is_loopback
from .provisioned import keep_properties
from .settings import Settings

logger = logging.getLogger("sns")

_CHATBOT_HOST = "sns-api.chatbot.amazonaws.com"
# SNS tries three times at once, then backs off for seconds to minutes; here the whole of it takes two seconds.
_RETRY_AFTER_SECONDS = (0.1, 0.4, 1.5)
_TIMEOUT_SECONDS = 10


def install(settings: Settings) -> None:
    """Take over deliveries to http(s) endpoints."""

    def post(endpoint: str, payload: str, kind: str) -> int:
        return deliver(endpoint, payload, kind, settings.chatbot_url)

    sns._http_post_sync = post
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SNS::Subscription"]
    create = handlers["create"]
    handlers["create"] = lambda logical_id, properties, stack: _subscribe(create, logical_id, properties, stack)
    keep_properties("AWS::SNS::Topic", _keep_key)


def _keep_key(topic: str, properties: Mapping[str, Any]) -> None:
    attributes = sns._topics[topic]["attributes"]
    attributes.pop("KmsMasterKeyId", None)
    if properties.get("KmsMasterKeyId"):
        attributes["KmsMasterKeyId"] = properties["KmsMasterKeyId"]


def is_chatbot(endpoint: str) -> bool:
    """Whether an endpoint is Amazon Q's own."""
    host = (urlsplit(endpoint).hostname or "").lower()
    return host == _CHATBOT_HOST or host.endswith("." + _CHATBOT_HOST)


def deliver(endpoint: str, payload: str, kind: str, chatbot_url: str | None) -> int:
    """Post one SNS envelope; the status of the answer. Raises when no attempt succeeds."""
    if is_chatbot(endpoint):
        if chatbot_url is None:
            logger.warning("Delivery to Amazon Q dropped: LOCAL_CHATBOT_URL is not set")
            return 0
        endpoint = chatbot_url
    if not is_loopback(urlsplit(endpoint).hostname):
        raise OffMachine(f"SNS delivery to {endpoint} would leave this machine")
    request = urllib.request.Request(endpoint, data=payload.encode(), headers=_headers(payload, kind), method="POST")
    for pause in (*_RETRY_AFTER_SECONDS, None):
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # loopback only
                return answer.status
        except urllib.error.HTTPError as error:
            # SNS takes 4xx other than 429 as permanent.
            if pause is None or (error.code < 500 and error.code != 429):
                raise
        except OSError:
            if pause is None:
                raise
        time.sleep(pause)
    return 0


def _headers(payload: str, kind: str) -> dict[str, str]:
    headers = {
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
        "x-amz-sns-message-type": kind,
    }
    try:
        envelope = json.loads(payload)
    except ValueError:  # raw message delivery
        headers["x-amz-sns-rawdelivery"] = "true"
        return headers
    for header, member in (("x-amz-sns-message-id", "MessageId"), ("x-amz-sns-topic-arn", "TopicArn")):
        if isinstance(envelope, dict) and isinstance(envelope.get(member), str):
            headers[header] = envelope[member]
    return headers


def _subscribe(create: Any, logical_id: str, properties: Mapping[str, Any], stack: str) -> tuple:
    """A template's subscription: one for each topic, protocol and endpoint, and confirmed if it is http(s).

    Amazon Q confirms by itself; the other http(s) endpoints of a local stack are stand-ins that need no asking.
    """
    topic = sns._topics.get(properties.get("TopicArn", ""))
    wanted = (properties.get("Protocol"), properties.get("Endpoint"))
    for subscription in topic["subscriptions"] if topic else []:
        if (subscription["protocol"], subscription["endpoint"]) == wanted:
            subscription.pop("by_chatbot", None)
            subscription["attributes"].update(provisioners._sns_sub_attributes(properties))
            return subscription["arn"], {"Arn": subscription["arn"]}
    arn, attributes = create(logical_id, properties, stack)
    subscription = sns._find_subscription(properties.get("TopicArn", ""), arn)
    if subscription and properties.get("Protocol") in ("http", "https"):
        subscription["confirmed"] = True
    return arn, attributes
