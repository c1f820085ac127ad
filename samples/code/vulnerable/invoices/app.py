"""The web application: one path, one method."""

import re

from invoices.session import NotSignedIn, customer_of

PATH = re.compile(r"/invoices/(\d{1,12})")


class Application:
    """Answers `POST /invoices/<number>` by mailing that invoice to its customer."""

    def __init__(self, ledger, mail, session_key):
        self.ledger = ledger
        self.mail = mail
        self.session_key = session_key

    def __call__(self, environ, start_response):
        status, text = self.answer(environ)
        start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
        return [text.encode("utf-8")]

    def answer(self, environ):
        match = PATH.fullmatch(environ.get("PATH_INFO", ""))
        if match is None or environ.get("REQUEST_METHOD") != "POST":
            return "404 Not Found", "No such page"
        token = environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
        try:
            customer = customer_of(token, self.session_key)
        except NotSignedIn:
            return "401 Unauthorized", "Please sign in"
        invoice = self.ledger.invoice(int(match.group(1)))
        if invoice is None or invoice.customer != customer:
            return "404 Not Found", "No such invoice"
        self.mail.send(invoice)
        return "202 Accepted", f"Invoice {invoice.number} is on its way"
