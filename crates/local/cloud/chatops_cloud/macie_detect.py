"""Finds sensitive data in text, as the managed data identifiers of Macie that this product's stories need.

Plays the detection step of a classification job: card numbers, Australian tax file numbers, US social security
numbers, AWS keys, private keys. Check digits and number ranges are judged by python-stdnum. Touches no ministack
name. Unlike Macie, occurrences in CSV and JSON are told as line ranges too, not as cells and records.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from stdnum import luhn
from stdnum.au import tfn
from stdnum.us import ssn

CREDENTIALS, FINANCIAL, PERSONAL = "CREDENTIALS", "FINANCIAL_INFORMATION", "PERSONAL_INFORMATION"
MAX_OCCURRENCES = 15


@dataclass
class Detection:
    """How often one type occurs in an object, and where: the first fifteen places, lines counted from 1."""

    category: str
    type: str
    count: int = 0
    line_ranges: list[dict[str, int]] = field(default_factory=list)


@dataclass(frozen=True)
class _Identifier:
    category: str
    type: str
    pattern: re.Pattern[str]
    valid: Callable[[str], bool]
    keywords: re.Pattern[str] | None = None
    """Needed on the same line or anywhere above it: the heading of a table. (Macie wants it within 30 characters.)"""


def _digits(text: str) -> str:
    return re.sub(r"[ -]", "", text)


# Visa, Mastercard, American Express, Discover, Diners Club, JCB: prefix and length.
_CARDS = re.compile(
    r"4\d{12}(?:\d{3}(?:\d{3})?)?|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}|"
    r"6(?:011|5\d\d|4[4-9]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}|35(?:2[89]|[3-8]\d)\d{12}"
)


def _is_card(text: str) -> bool:
    digits = _digits(text)
    # One repeated digit passes the check sum in some lengths; nobody has such a card.
    return bool(_CARDS.fullmatch(digits)) and luhn.is_valid(digits) and len(set(digits)) > 1


_IDENTIFIERS = (
    _Identifier(
        FINANCIAL, "CREDIT_CARD_NUMBER",
        re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])"), _is_card,
    ),
    _Identifier(
        PERSONAL, "AUSTRALIA_TAX_FILE_NUMBER",
        re.compile(r"(?<![\w.-])\d{2,3}([ -]?)\d{3}\1\d{3}(?![\w-])"),
        lambda text: tfn.is_valid(_digits(text)) and len(set(_digits(text))) > 1,
        re.compile(r"\btfn\b|tax[ _-]?file|taxfile", re.IGNORECASE),
    ),
    _Identifier(
        PERSONAL, "USA_SOCIAL_SECURITY_NUMBER",
        re.compile(r"(?<![\w.-])\d{3}([ -]?)\d{2}\1\d{4}(?![\w-])"),
        lambda text: ssn.is_valid(_digits(text)),
        re.compile(r"\bssn\b|social[ _-]?security|\bss#", re.IGNORECASE),
    ),
    _Identifier(
        CREDENTIALS, "AWS_CREDENTIALS",
        re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"), lambda _text: True,
    ),
    _Identifier(
        CREDENTIALS, "AWS_CREDENTIALS",
        re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"),
        # Forty hexadecimal digits are a SHA-1, not a key.
        lambda text: not re.fullmatch(r"[0-9a-f]{40}|[0-9A-F]{40}", text) and len(set(text)) > 10,
        re.compile(r"secret[ _-]?(?:access[ _-]?)?key|aws[ _-]?secret|credentials", re.IGNORECASE),
    ),
    _Identifier(
        CREDENTIALS, "OPENSSH_PRIVATE_KEY", re.compile(r"-----BEGIN OPENSSH PRIVATE KEY-----"), lambda _text: True
    ),
    _Identifier(
        CREDENTIALS, "PGP_PRIVATE_KEY", re.compile(r"-----BEGIN PGP PRIVATE KEY BLOCK-----"), lambda _text: True
    ),
    _Identifier(
        CREDENTIALS, "PKCS", re.compile(r"-----BEGIN (?:RSA |EC |DSA |ENCRYPTED )?PRIVATE KEY-----"),
        lambda _text: True,
    ),
)

TYPES = frozenset(identifier.type for identifier in _IDENTIFIERS)


def detect(text: str, types: Iterable[str] = TYPES) -> list[Detection]:
    """Every type of `types` that occurs in `text`, each once, by category and type."""
    wanted = set(types)
    identifiers = [identifier for identifier in _IDENTIFIERS if identifier.type in wanted]
    named: set[_Identifier] = set()
    found: dict[str, Detection] = {}
    for number, line in enumerate(text.splitlines(), 1):
        for identifier in identifiers:
            if identifier.keywords and identifier not in named:
                if not identifier.keywords.search(line):
                    continue
                named.add(identifier)
            for match in identifier.pattern.finditer(line):
                if not identifier.valid(match.group()):
                    continue
                detection = found.setdefault(identifier.type, Detection(identifier.category, identifier.type))
                detection.count += 1
                if len(detection.line_ranges) < MAX_OCCURRENCES:
                    detection.line_ranges.append(
                        {"start": number, "end": number, "startColumn": match.start() + 1}
                    )
    return sorted(found.values(), key=lambda detection: (detection.category, detection.type))


def as_text(data: bytes) -> str | None:
    """The text of an object, or None for one that is not text and is therefore not read."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if b"\0" in data[:8192]:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
