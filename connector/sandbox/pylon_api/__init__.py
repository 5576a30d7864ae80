"""An emulated Pylon tenant: what the vendor documents and what recorded responses show, traps included."""

from connector.sandbox.pylon_api.records import Issue, Message, Served, Thread, Write
from connector.sandbox.pylon_api.sandbox import PylonSandbox
from connector.sandbox.pylon_api.tenant import Leeway
from connector.sandbox.pylon_api.webhooks import NewIssueWebhook

__all__ = ["Issue", "Leeway", "Message", "NewIssueWebhook", "PylonSandbox", "Served", "Thread", "Write"]
