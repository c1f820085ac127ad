"""The ledger: where the invoices are."""

from dataclasses import dataclass

import requests

from invoices.money import Money

TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Invoice:
    """An invoice, and where to send it."""

    number: int
    customer: str
    address: str
    total: Money


class Ledger:
    """Reads invoices from the ledger's web interface."""

    def __init__(self, url):
        self.url = url.rstrip("/")

    def invoice(self, number):
        """The invoice of this number, or `None`."""
        response = requests.get(
            f"{self.url}/invoices/{number}",
            timeout=TIMEOUT_SECONDS,
        )
        if response.status_code == 404:
            return None
        response.raise_for_status()
        found = response.json()
        return Invoice(
            number=number,
            customer=found["customer"],
            address=found["address"],
            total=Money(found["units"], found["currency"]),
        )
