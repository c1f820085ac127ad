"""Keeps the local cloud on this machine: no connection and no name look-up of its process leaves it.

Plays no AWS behaviour and touches no ministack name. ministack delivers SNS, API destinations and HTTP
integrations to whatever address it is given, and a template may well hold a real one. A Python audit
hook sees every connection and every look-up of this process, whichever library makes it, and refuses
those that are not on the loopback interface.
"""

from __future__ import annotations

import ipaddress
import socket
import sys

LOOPBACK_NAMES = frozenset({"localhost", "", "ip6-localhost"})


class OffMachine(PermissionError):
    """A connection that would have left the machine."""


def is_loopback(host: object) -> bool:
    """Whether a host name or address is this machine's loopback interface."""
    if host is None:
        return True
    name = (host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)).lower().rstrip(".")
    if name in LOOPBACK_NAMES or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse_to_leave(event: str, arguments: tuple) -> None:
    if event in ("socket.connect", "socket.sendto"):
        connection, address = arguments[0], arguments[1]
        if connection.family in (socket.AF_INET, socket.AF_INET6) and not is_loopback(address[0]):
            raise OffMachine(f"the local cloud does not connect to {address[0]}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        if not is_loopback(arguments[0]):
            raise OffMachine(f"the local cloud does not look up {arguments[0]}")


def stay_on_this_machine() -> None:
    """Install the guard; it cannot be removed again in this process."""
    sys.addaudithook(_refuse_to_leave)
