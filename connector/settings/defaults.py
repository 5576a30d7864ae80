"""The classes of a B2B software company: what a new installation starts with."""

from __future__ import annotations

from connector.settings.business import (
    Priority,
    RuleSettings,
    SentimentSettings,
    TeamSettings,
    TypeSettings,
    UrgencySettings,
)


def default_teams() -> tuple[TeamSettings, ...]:
    rows = {
        "billing": (
            "Invoices, payments, refunds, plan changes and cancellations, prices, taxes, purchase orders. "
            "Not: a payment feature of our product that fails for the customer's own customers (product)."
        ),
        "infrastructure": (
            "The service is down, slow or unreachable: outages, time-outs, API errors and rate limits, "
            "failing webhooks, data centres, backups. Not: one feature that behaves wrongly (product)."
        ),
        "product": (
            "A feature behaves wrongly, is missing or is hard to understand: bugs, how-to questions about "
            "a feature, feature requests, integrations. Not: the whole service is down (infrastructure)."
        ),
        "security": (
            "Suspected break-ins, leaked credentials, phishing, vulnerability reports, suspicious "
            "log-ins, security questionnaires. Not: a forgotten password or a locked account (general)."
        ),
        "onboarding": (
            "New customers and new users getting started: first set-up, data import and migration, "
            "training, inviting a team, trial questions. Not: a customer who has been working for a while "
            "(product)."
        ),
        "general": (
            "Everything that no other team owns: log-in help, account details, data requests, feedback, "
            "partnership and job inquiries, thanks, spam, and texts too vague to tell."
        ),
    }
    return tuple(TeamSettings(name=name, description=text) for name, text in rows.items())


def default_types() -> tuple[TypeSettings, ...]:
    rows = {
        "bug_report": "Something that should work does not: an error, a crash, wrong data, an outage.",
        "feature_request": "A wish for something the product does not do yet.",
        "access_issue": "Somebody cannot get in or lacks a permission: password, SSO, two-factor, lock.",
        "billing_dispute": "The customer objects to a charge: charged twice, wrong amount, wants money back.",
        "account_question": "A question about the customer's own account, plan or invoice; no complaint.",
        "data_request": "Export, deletion or correction of data, including requests under privacy law.",
        "security_incident": "A suspected or reported break-in, leak, vulnerability or abuse.",
        "general_inquiry": "Any other question or remark, and texts too vague to tell.",
    }
    return tuple(TypeSettings(name=name, description=text) for name, text in rows.items())


def default_urgencies() -> tuple[UrgencySettings, ...]:
    rows: tuple[tuple[str, Priority, str], ...] = (
        (
            "critical",
            "urgent",
            (
                "Harm is happening now and there is no way around it: production down, data being lost, an "
                "active security incident, many users blocked. Capital letters or the word urgent alone are "
                "not enough."
            ),
        ),
        (
            "high",
            "high",
            (
                "Important work is blocked or money is at stake, or a deadline within a day is named; one "
                "user or one feature, or there is an awkward way around it."
            ),
        ),
        ("normal", "normal", "Needs an answer in the usual time; work goes on. When in doubt, this one."),
        ("low", "low", "Nobody is waiting: feature wishes, feedback, thanks, questions out of curiosity."),
    )
    return tuple(
        UrgencySettings(name=name, priority=priority, description=text, default=name == "normal")
        for name, priority, text in rows
    )


def default_sentiments() -> tuple[SentimentSettings, ...]:
    rows = {
        "positive": "Friendly, thankful or pleased.",
        "neutral": "Matter-of-fact, no mood to speak of. When in doubt, this one.",
        "frustrated": "Disappointed, impatient or tired of the problem, yet still civil.",
        "angry": "Insults, sarcasm, threats to leave or to complain in public, accusations.",
    }
    return tuple(
        SentimentSettings(name=name, description=text, default=name == "neutral")
        for name, text in rows.items()
    )


def default_rules() -> tuple[RuleSettings, ...]:
    return (
        RuleSettings(
            name="production_down",
            words=("production is down", "production down", "complete outage", "total outage"),
            urgency="critical",
        ),
        RuleSettings(
            name="break_in",
            words=("data breach", "account takeover", "leaked credentials", "security vulnerability"),
            team="security",
        ),
    )
