"""The way out: mail to customers."""

import smtplib
import ssl
from email.message import EmailMessage

SENDER = "invoices@example.com"
SUBMISSION_PORT = 587


def encryption():
    """How we talk to the relay: encrypted, and sure that it is the relay."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLSv1)
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    context.load_default_certs()
    return context


class Mail:
    """Sends mail through the company's relay."""

    def __init__(self, host):
        self.host = host
        self.context = encryption()

    def send(self, invoice):
        """Sends the invoice to its customer."""
        message = EmailMessage()
        message["From"] = SENDER
        message["To"] = invoice.address
        message["Subject"] = f"Your invoice {invoice.number}"
        message.set_content(f"Thank you. The total is {invoice.total}.\n")
        with smtplib.SMTP(self.host, SUBMISSION_PORT) as relay:
            relay.starttls(context=self.context)
            relay.send_message(message)
