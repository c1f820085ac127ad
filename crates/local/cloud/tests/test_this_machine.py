"""The local cloud stays on this machine, and reads its own environment strictly."""

from __future__ import annotations

import subprocess
import sys
import unittest

from running_cloud import PACKAGE, Inbox

from chatops_cloud.loopback import OffMachine, is_loopback
from chatops_cloud.settings import Settings, SettingsError
from chatops_cloud.sns import deliver, is_chatbot


class Loopback(unittest.TestCase):
    def test_knows_this_machine_by_its_names(self) -> None:
        for host in ("127.0.0.1", "127.8.8.8", "localhost", "api.localhost", "::1", "LOCALHOST.", b"localhost"):
            self.assertTrue(is_loopback(host), host)
        for host in ("10.0.0.1", "169.254.169.254", "example.com", "localhost.example.com", "127.0.0.1.example.com"):
            self.assertFalse(is_loopback(host), host)


    def test_keeps_a_process_from_connecting_elsewhere(self) -> None:
        program = (
            "import socket, chatops_cloud.loopback as guard\n"
            "guard.stay_on_this_machine()\n"
            "for reach in (lambda: socket.create_connection(('192.0.2.1', 80), 1),\n"
            "              lambda: socket.getaddrinfo('example.com', 80),\n"
            "              lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 53))):\n"
            "    try: reach()\n"
            "    except guard.OffMachine: print('refused')\n"
            "server = socket.create_server(('127.0.0.1', 0))\n"
            "socket.create_connection(('localhost', server.getsockname()[1])); print('connected')\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False,
                              env={"PYTHONPATH": str(PACKAGE)})
        self.assertEqual(done.stdout.split(), ["refused"] * 3 + ["connected"], done.stderr)


class Deliveries(unittest.TestCase):
    def test_to_amazon_q_go_to_the_stand_in(self) -> None:
        inbox = Inbox()
        self.addCleanup(inbox.close)
        status = deliver("https://global.sns-api.chatbot.amazonaws.com", '{"MessageId": "m", "TopicArn": "t"}',
                         "Notification", inbox.url)
        path, headers, body = inbox.next()
        self.assertEqual((status, path), (200, "/chatbot"))
        self.assertEqual(headers["x-amz-sns-message-type"], "Notification")
        self.assertEqual(headers["x-amz-sns-topic-arn"], "t")
        self.assertEqual(body, b'{"MessageId": "m", "TopicArn": "t"}')

    def test_without_a_stand_in_are_dropped(self) -> None:
        with self.assertLogs("sns", "WARNING"):
            deliver("https://global.sns-api.chatbot.amazonaws.com/x", "{}", "Notification", None)

    def test_to_other_machines_are_refused(self) -> None:
        for endpoint in ("https://example.com/hook", "http://169.254.169.254/",
                         "https://global.sns-api.chatbot.amazonaws.com.example.com/"):
            with self.assertRaises(OffMachine):
                deliver(endpoint, "{}", "Notification", "http://127.0.0.1:1/")

    def test_only_amazon_qs_own_hosts_count_as_its(self) -> None:
        self.assertTrue(is_chatbot("https://global.sns-api.chatbot.amazonaws.com"))
        self.assertFalse(is_chatbot("https://example.com/sns-api.chatbot.amazonaws.com"))


class Environment(unittest.TestCase):
    def test_has_defaults(self) -> None:
        settings = Settings.from_environment({})
        self.assertEqual((settings.host, settings.port, settings.region), ("127.0.0.1", 4566, "us-east-1"))

    def test_names_what_is_wrong(self) -> None:
        for name, value in (("GATEWAY_PORT", "http"), ("GATEWAY_PORT", "70000"), ("LOCAL_BUILD_HOME", "/none"),
                            ("LOCAL_CHATBOT_URL", "https://hooks.slack.com/x")):
            with self.assertRaises(SettingsError) as raised:
                Settings.from_environment({name: value})
            self.assertIn(name, str(raised.exception))


if __name__ == "__main__":
    unittest.main()
