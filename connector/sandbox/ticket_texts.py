"""The words of made-up tickets: what customers of a software company write about, team by team."""

from __future__ import annotations

from random import Random
from types import MappingProxyType

Words = tuple[str, str]  # subject, body

_CASES = MappingProxyType(
    {
        "billing": (
            (
                "Charged twice for {month}",
                "Our card was charged twice for the {month} invoice {invoice}: {amount} each time. Please"
                " refund the second payment.",
            ),
            (
                "Invoice {invoice} has the wrong VAT number",
                "The invoice {invoice} over {amount} shows our old VAT number, so our accounting refuses "
                "it. Can you issue a corrected one?",
            ),
            (
                "Refund for unused seats",
                "We reduced our subscription to {seats} seats in {month}, but were billed for all of them"
                " again. We expect a credit of {amount}.",
            ),
            (
                "Payment method declined",
                "Renewing our subscription fails: the payment of {amount} is declined although the bank "
                "says the card is fine.",
            ),
            (
                "Question about our next renewal",
                "Before the contract renews in {month} we need a quote for {seats} seats, with the price "
                "per seat and the discount for yearly payment.",
            ),
        ),
        "infrastructure": (
            (
                "API returns 502 since this morning",
                "Since about {hour}:00 UTC every third call to the {feature} API is answered with 502 Bad"
                " Gateway. Our production depends on it.",
            ),
            (
                "Webhooks arrive {seats} minutes late",
                "Webhook deliveries for {feature} are delayed by about {seats} minutes, with timeouts in "
                "between. Nothing changed at our side.",
            ),
            (
                "Cannot reach the EU region",
                "Our servers get connection timeouts to the EU endpoint of {feature}. Is there an outage?"
                " The status page is green.",
            ),
            (
                "Exports are very slow",
                "The nightly export through {feature} took six hours instead of twenty minutes and then "
                "stopped with error {invoice}.",
            ),
            (
                "Rate limits lower than documented",
                "We are throttled at half of the documented limit on the {feature} endpoint, which makes "
                "our sync fail every night.",
            ),
        ),
        "product": (
            (
                "{feature} shows wrong totals",
                "The totals in {feature} do not match the rows below: the sum says {amount}, the rows add"
                " up to something else. Steps to reproduce: open it, filter by {month}, compare.",
            ),
            (
                "Feature request: bulk edit in {feature}",
                "It would save us hours if one could edit many entries in {feature} at once. At the "
                "moment we click through {seats} of them by hand.",
            ),
            (
                "Button does nothing in {feature}",
                "After the last update the Save button in {feature} does nothing in Firefox and Chrome. "
                "The console shows error {invoice}.",
            ),
            (
                "How do I share {feature} with a colleague?",
                "I could not find out how to share a view of {feature} with colleagues in another team. "
                "The manual describes a menu that we do not have.",
            ),
            (
                "Dark mode makes {feature} unreadable",
                "With dark mode the labels in {feature} are black on black. A screenshot is attached.",
            ),
        ),
        "security": (
            (
                "Suspicious login from an unknown country",
                "Our admin account had a login at {hour}:12 UTC from a country where nobody of us is. We "
                "changed the password; please tell us what was accessed.",
            ),
            (
                "Possible data leak through shared links",
                "A shared link of {feature} was open to everyone, although it was restricted to our "
                "domain. We need to know who opened it.",
            ),
            (
                "Phishing mails in your name",
                "Several colleagues got mails that ask them to confirm their {feature} password on a page"
                " that is not yours. Headers below.",
            ),
            (
                "SSO lets a removed employee in",
                "An employee who was removed from our identity provider in {month} could still sign in to"
                " {feature} yesterday. We consider this a security incident.",
            ),
            (
                "Penetration test report and SOC 2",
                "Our auditors ask for your current SOC 2 Type II report and for the summary of the last "
                "penetration test by {month}.",
            ),
        ),
        "onboarding": (
            (
                "Help with importing our data",
                "We start with {seats} users next week and would like to import our old records into "
                "{feature}. Which format do you need?",
            ),
            (
                "Setting up single sign-on",
                "We are new here and try to connect our identity provider. The guide mentions a metadata "
                "file that we cannot find in {feature}.",
            ),
            (
                "Training for our team",
                "Could we book an introduction for {seats} new colleagues in {month}? They will mostly "
                "work with {feature}.",
            ),
            (
                "Invitations do not arrive",
                "I invited {seats} colleagues during the setup, and none of them received the mail. Our "
                "mail server saw nothing of it.",
            ),
            (
                "Which plan includes {feature}?",
                "We are in the trial and wonder whether {feature} is part of the plan that we chose "
                "during the setup.",
            ),
        ),
        "general": (
            (
                "Where are you located?",
                "For our supplier records we need your postal address, your company number and a contact "
                "for contracts.",
            ),
            (
                "Partnership",
                "We are a consultancy with {seats} people and advise firms that use {feature}. Do you "
                "have a partner programme?",
            ),
            (
                "Thank you!",
                "Just a short note: the person who helped us with {feature} last week was excellent. "
                "Please pass it on.",
            ),
            (
                "Feedback on your newsletter",
                "Please take me off the newsletter list. I have tried the link at the bottom, and it only"
                " works sometimes.",
            ),
            (
                "Change of contact person",
                "From {month} on, our contact for everything about {feature} is somebody else; the "
                "details are in the signature.",
            ),
        ),
    }
)
TEAMS = tuple(_CASES)

_DETAILS = (
    "We are on the yearly plan with {seats} seats and use {feature} every day.",
    "It happens for all of us, in every browser that we tried, and also on the phone.",
    "I have already read the help pages and restarted everything that can be restarted.",
    "The last time something like it occurred was in {month}; the case number was {invoice}.",
    "Two of our customers have noticed as well, which makes it a little embarrassing.",
    "If you need logs or screenshots, tell me where to send them and I will do it right away.",
    "Our team meets tomorrow at {hour}:00 and I would like to have an answer for them by then.",
    "There is no hurry from our side, but please do not forget about it either.",
    "Before the change in {month} everything worked as described, so I suspect a connection.",
    "Please answer to everybody in copy, since I will be out of the office from Thursday on.",
)
_GREETINGS = ("Hello,", "Hi there,", "Dear support team,", "Good morning,", "Hi,", "")
_CLOSINGS = ("Best regards", "Thanks in advance", "Kind regards", "Thank you", "Cheers")
_FEATURES = ("Dashboards", "Reports", "Workflows", "the Inbox", "the Calendar", "Forecasts", "the Importer")
_MONTHS = ("January", "March", "April", "June", "August", "September", "October", "November")
FIRST_NAMES = (
    "Ada",
    "Bruno",
    "Chiara",
    "Dmitri",
    "Elif",
    "Femi",
    "Grace",
    "Hiro",
    "Ines",
    "Jonas",
    "Kavya",
    "Lena",
)
LAST_NAMES = (
    "Almeida",
    "Berg",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Gupta",
    "Haddad",
    "Ito",
    "Kowalska",
)
FIRMS = ("Northwind", "Acme", "Globex", "Initech", "Umbra", "Hooli", "Stark", "Wayne", "Tyrell", "Cyberdyne")


def compose(team: str, random: Random, *, details: int | None = None) -> Words:
    """A subject and a body that fit the team, some 250 to 1100 characters."""
    subject, opening = random.choice(_CASES[team])
    facts = {
        "amount": f"€ {random.randint(90, 9900)}.00",
        "feature": random.choice(_FEATURES),
        "hour": str(random.randint(7, 18)),
        "invoice": f"INV-{random.randint(10_000, 99_999)}",
        "month": random.choice(_MONTHS),
        "seats": str(random.randint(3, 240)),
    }
    more = random.sample(_DETAILS, random.randint(2, 8) if details is None else details)
    name = f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}"
    parts = (random.choice(_GREETINGS), opening, " ".join(more), f"{random.choice(_CLOSINGS)}\n{name}")
    body = "\n\n".join(part for part in parts if part)
    return subject.format_map(facts), body.format_map(facts)
