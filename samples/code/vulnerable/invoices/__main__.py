"""Serves the application on port 8080."""

import os
from wsgiref.simple_server import make_server

from invoices.app import Application
from invoices.ledger import Ledger
from invoices.mail import Mail


def main():
    application = Application(
        Ledger(os.environ["LEDGER_URL"]),
        Mail(os.environ["MAIL_HOST"]),
        os.environ["SESSION_KEY"],
    )
    with make_server("127.0.0.1", 8080, application) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
