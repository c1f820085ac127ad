"""What the Macie stand-in finds in text, and the findings it makes of it."""

from __future__ import annotations

import unittest

from chatops_cloud.macie_detect import Detection, as_text, detect
from chatops_cloud.macie_filters import criteria_match
from chatops_cloud.macie_findings import severity


class Detects(unittest.TestCase):
    def check(self, text: str, expected: dict[str, int]) -> None:
        self.assertEqual({one.type: one.count for one in detect(text)}, expected, text)

    def test_card_numbers_by_prefix_length_and_check_digit(self) -> None:
        for card in ("4111111111111111", "4111 1111 1111 1111", "5500-0000-0000-0004", "2223003122003222",
                     "378282246310005", "6011111111111117", "30569309025904", "3530111333300000"):
            self.check(f"name,{card},x", {"CREDIT_CARD_NUMBER": 1})
        for other in ("4111111111111112", "1234567890123452", "41111111111111111", "0000000000000000",
                      "id4111111111111111", "4111111111111111-1"):
            self.check(f"name,{other},x", {})

    def test_tax_file_numbers_beside_their_name(self) -> None:
        self.check("TFN: 123 456 782", {"AUSTRALIA_TAX_FILE_NUMBER": 1})
        self.check("name,tax_file_number\nann,123456782\nbob,876 543 210", {"AUSTRALIA_TAX_FILE_NUMBER": 2})
        self.check("tax file numbers\n\nstaff\n-----\nann 123 456 782", {"AUSTRALIA_TAX_FILE_NUMBER": 1})
        self.check("123 456 782\nTFN", {})
        self.check("TFN: 123 456 789", {})
        self.check("order 123 456 782", {})

    def test_social_security_numbers_beside_their_name(self) -> None:
        self.check("SSN 536-90-4399", {"USA_SOCIAL_SECURITY_NUMBER": 1})
        self.check("social security number\n536-90-4399", {"USA_SOCIAL_SECURITY_NUMBER": 1})
        self.check("SSN 666-12-3456, SSN 000-12-3456, SSN 536-00-4399", {})
        self.check("part 536-90-4399", {})

    def test_aws_keys(self) -> None:
        self.check("key AKIAIOSFODNN7EXAMPLE", {"AWS_CREDENTIALS": 1})
        self.check("aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", {"AWS_CREDENTIALS": 1})
        self.check("secret key 356a192b7913b04c54574d18c28d46e6395428ab", {})
        self.check("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", {})

    def test_private_keys(self) -> None:
        self.check("-----BEGIN RSA PRIVATE KEY-----\nx", {"PKCS": 1})
        self.check("-----BEGIN OPENSSH PRIVATE KEY-----", {"OPENSSH_PRIVATE_KEY": 1})
        self.check("-----BEGIN PUBLIC KEY-----", {})

    def test_the_places(self) -> None:
        found = detect("x\nab 4111111111111111 4111111111111111\n" + "4111111111111111\n" * 20)
        self.assertEqual(found[0].count, 22)
        self.assertEqual(found[0].line_ranges[:2], [
            {"start": 2, "end": 2, "startColumn": 4}, {"start": 2, "end": 2, "startColumn": 21}])
        self.assertEqual(len(found[0].line_ranges), 15)

    def test_only_the_wanted_types(self) -> None:
        self.assertEqual(detect("4111111111111111", {"AWS_CREDENTIALS"}), [])

    def test_text_of_several_encodings_and_no_binaries(self) -> None:
        self.assertEqual(as_text("é".encode("latin-1")), "é")
        self.assertEqual(as_text(b"\xef\xbb\xbfx"), "x")
        self.assertEqual(as_text("x".encode("utf-16")).lstrip("\ufeff"), "x")
        self.assertIsNone(as_text(b"PK\x03\x04\0\0"))


class Severity(unittest.TestCase):
    def test_grows_with_the_number_and_is_high_for_credentials(self) -> None:
        for category, count, level in (("FINANCIAL_INFORMATION", 1, "Low"), ("PERSONAL_INFORMATION", 10, "Medium"),
                                       ("PERSONAL_INFORMATION", 100, "High"), ("CREDENTIALS", 1, "High")):
            self.assertEqual(severity([Detection(category, "X", count)])["description"], level)


class Criteria(unittest.TestCase):
    def test_compare_members_by_their_path(self) -> None:
        finding = {"severity": {"score": 2, "description": "Medium"}, "sample": False,
                   "resourcesAffected": {"s3Bucket": {"name": "b"}}}
        self.assertTrue(criteria_match({"resourcesAffected.s3Bucket.name": {"eq": ["a", "b"]}}, finding))
        self.assertFalse(criteria_match({"resourcesAffected.s3Bucket.name": {"neq": ["b"]}}, finding))
        self.assertTrue(criteria_match({"sample": {"eq": ["false"]}, "severity.score": {"gte": 2}}, finding))
        self.assertFalse(criteria_match({"none.such": {"eq": ["x"]}}, finding))
        with self.assertRaises(ValueError):
            criteria_match({"sample": {"like": ["x"]}}, finding)


if __name__ == "__main__":
    unittest.main()
