"""An emulated Zendesk account: what the vendor documents and what recorded responses show, traps included."""

from connector.sandbox.zendesk_api.people import NewTicket
from connector.sandbox.zendesk_api.records import Audit, Comment, Served, Ticket, User, Write
from connector.sandbox.zendesk_api.sandbox import ZendeskSandbox
from connector.sandbox.zendesk_api.webhooks import NewTicketWebhook

__all__ = [
    "Audit",
    "Comment",
    "NewTicket",
    "NewTicketWebhook",
    "Served",
    "Ticket",
    "User",
    "Write",
    "ZendeskSandbox",
]
