"""Amounts of money, in the smallest unit of their currency."""

from dataclasses import dataclass

# Currencies without a smaller unit (ISO 4217).
WITHOUT_CENTS = {"JPY", "KRW", "ISK"}


@dataclass(frozen=True)
class Money:
    """So many cents (or yen) of a currency."""

    units: int
    currency: str

    def __str__(self):
        if self.currency in WITHOUT_CENTS:
            return f"{self.units} {self.currency}"
        sign = "-" if self.units < 0 else ""
        whole, cents = divmod(abs(self.units), 100)
        return f"{sign}{whole}.{cents:02d} {self.currency}"
