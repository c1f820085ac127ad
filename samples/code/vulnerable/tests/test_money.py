"""Tests of amounts."""

import unittest

from invoices.money import Money


class MoneyTest(unittest.TestCase):
    def test_shows_cents(self):
        self.assertEqual(str(Money(1205, "EUR")), "12.05 EUR")

    def test_shows_a_credit(self):
        self.assertEqual(str(Money(-5, "EUR")), "-0.05 EUR")

    def test_shows_yen_without_cents(self):
        self.assertEqual(str(Money(1205, "JPY")), "1205 JPY")


if __name__ == "__main__":
    unittest.main()
