"""Macie's findings filters (suppression rules) and the two resource types that templates use.

Plays CreateFindingsFilter and its siblings, AWS::Macie::FindingsFilter and AWS::Macie::Session. Touches
ministack's `provisioners._RESOURCE_HANDLERS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services.cloudformation import provisioners

from .inside import iso
from .properties import List, Map, Struct, Text, check

FILTER, SESSION = "AWS::Macie::FindingsFilter", "AWS::Macie::Session"
_CONDITIONS = ("eq", "neq", "gt", "gte", "lt", "lte", "eqExactMatch")

_VALUES = List(Text())
_FILTER_PROPERTIES = Struct(
    {
        "Name": Text(3, 64),
        "Description": Text(0, 200),
        "Action": Text(pattern="ARCHIVE|NOOP"),
        "Position": Text(),
        "FindingCriteria": Struct({
            "Criterion": Map(Text(), Struct({
                "eq": _VALUES, "neq": _VALUES, "gt": Text(), "gte": Text(), "lt": Text(), "lte": Text(),
            }), 0, 100),
        }),
        "Tags": List(Struct({"Key": Text(), "Value": Text()})),
    },
    required=("Name", "FindingCriteria"),
)
_SESSION_PROPERTIES = Struct({
    "Status": Text(pattern="ENABLED|PAUSED"),
    "FindingPublishingFrequency": Text(pattern="FIFTEEN_MINUTES|ONE_HOUR|SIX_HOURS"),
    "AutomatedDiscoveryStatus": Text(pattern="ENABLED|DISABLED"),
})

_filters: dict[str, dict[str, Any]] = {}


def install(session: dict[str, Any]) -> None:
    """Register the resource types; `session` is Macie's own, empty while Macie is off."""

    def create_session(_logical_id: str, properties: Mapping[str, Any], _stack: str) -> tuple:
        check(SESSION, _SESSION_PROPERTIES, properties)
        if session:
            raise ValueError(f"{SESSION}: Macie has already been enabled")
        return _set_session(session, properties)

    def update_session(_physical_id: str, _old: Mapping[str, Any], new: Mapping[str, Any], _stack: str) -> tuple:
        check(SESSION, _SESSION_PROPERTIES, new)
        return _set_session(session, new)

    provisioners._RESOURCE_HANDLERS[SESSION] = {
        "create": create_session, "update": update_session,
        "delete": lambda _physical_id, _properties: session.clear(),
    }
    provisioners._RESOURCE_HANDLERS[FILTER] = {
        "create": _create, "update": _update,
        "delete": lambda physical_id, _properties: _filters.pop(physical_id, None),
    }
    provisioners._REPLACING_PROPERTIES[FILTER] = ()
    provisioners._REPLACING_PROPERTIES[SESSION] = ()


def archived_by_filter(finding: Mapping[str, Any]) -> bool:
    """Whether a suppression rule archives a finding, which then is not published."""
    return any(
        one["action"] == "ARCHIVE" and criteria_match(one["findingCriteria"].get("criterion") or {}, finding)
        for one in list(_filters.values())
    )


def criteria_match(criterion: Mapping[str, Mapping[str, Any]], finding: Mapping[str, Any]) -> bool:
    """Whether a finding meets all criteria; a path names a member by dots, as in `severity.description`.

    ValueError for a condition that does not exist.
    """
    for path, conditions in criterion.items():
        value: Any = finding
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        texts = {str(value).lower()} if isinstance(value, bool) else {str(value)}
        for condition, wanted in conditions.items():
            if condition not in _CONDITIONS:
                raise ValueError(f"unknown condition {condition} for {path}")
            if condition in ("eq", "eqExactMatch"):
                met = bool(texts & set(map(str, wanted)))
            elif condition == "neq":
                met = not texts & set(map(str, wanted))
            else:
                met = isinstance(value, (int, float)) and {
                    "gt": value > float(wanted), "gte": value >= float(wanted),
                    "lt": value < float(wanted), "lte": value <= float(wanted),
                }[condition]
            if not met:
                return False
    return True


def operation(method: str, path: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The API's operations on filters; ValueError becomes a ValidationException."""
    filter_id = path.removeprefix("/findingsfilters").strip("/")
    if not filter_id and method == "POST":
        one = _store(new_uuid(), {name[:1].upper() + name[1:]: parameters.get(name) for name in
                                  ("name", "description", "action")}, parameters.get("findingCriteria") or {})
        return {"arn": one["arn"], "id": one["id"]}
    if not filter_id:
        return {"findingsFilterListItems": [
            {name: one[name] for name in ("id", "arn", "name", "action", "tags")} for one in _filters.values()
        ]}
    if filter_id not in _filters:
        raise ValueError(f"no findings filter {filter_id}")
    if method == "DELETE":
        del _filters[filter_id]
        return {}
    if method == "PATCH":
        _filters[filter_id].update({name: value for name, value in parameters.items() if name in _filters[filter_id]})
        return {"arn": _filters[filter_id]["arn"], "id": filter_id}
    return dict(_filters[filter_id])


def _set_session(session: dict[str, Any], properties: Mapping[str, Any]) -> tuple:
    now = iso()
    session.update(
        createdAt=session.get("createdAt") or now, updatedAt=now, status=properties.get("Status") or "ENABLED",
        findingPublishingFrequency=properties.get("FindingPublishingFrequency") or "SIX_HOURS",
        serviceRole=f"arn:aws:iam::{get_account_id()}:role/aws-service-role/macie.amazonaws.com/"
                    "AWSServiceRoleForAmazonMacie",
    )
    account = get_account_id()
    return account, {"AwsAccountId": account, "ServiceRole": session["serviceRole"]}


def _store(filter_id: str, properties: Mapping[str, Any], criteria: Mapping[str, Any]) -> dict[str, Any]:
    one = {
        "id": filter_id,
        "arn": f"arn:aws:macie2:{get_region()}:{get_account_id()}:findings-filter/{filter_id}",
        "name": properties.get("Name") or "",
        "description": properties.get("Description") or "",
        "action": properties.get("Action") or "NOOP",
        "findingCriteria": dict(criteria),
        "position": len(_filters) + 1,
        "tags": {},
    }
    criteria_match(one["findingCriteria"].get("criterion") or {}, {})
    _filters[filter_id] = one
    return one


def _create(_logical_id: str, properties: Mapping[str, Any], _stack: str) -> tuple:
    check(FILTER, _FILTER_PROPERTIES, properties)
    if any(one["name"] == properties["Name"] for one in _filters.values()):
        raise ValueError(f"{FILTER}: a filter named {properties['Name']} already exists")
    return _put(new_uuid(), properties)


def _update(physical_id: str, _old: Mapping[str, Any], new: Mapping[str, Any], _stack: str) -> tuple:
    check(FILTER, _FILTER_PROPERTIES, new)
    return _put(physical_id, new)


def _put(filter_id: str, properties: Mapping[str, Any]) -> tuple:
    criterion = (properties.get("FindingCriteria") or {}).get("Criterion") or {}
    one = _store(filter_id, properties, {"criterion": criterion})
    return filter_id, {"Arn": one["arn"], "Id": filter_id, "FindingsFilterListItems": []}
