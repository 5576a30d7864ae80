"""What a replay showed, as tables for a terminal and as one JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connector.cli.output import table, usd
from connector.quality.replay import Comparison, Replayed, ReplayReport, Share

A_PERSON = "a person"
_SANDBOX = (
    "The helpdesk is the sandbox: its tickets are real messages whose labels stand for what people decided"
)
_EMULATED = (
    ", and the model's answers are EMULATED from keywords. This shows what a replay looks like, not how good "
    "Claude is."
)
_DISAGREEMENTS_SHOWN = 20


def show(report: ReplayReport) -> None:
    """The whole report on stdout."""
    found = report.found
    for line in headlines(report):
        print(line)
    if found.tickets:
        _tables(report)
    for line in omissions(report):
        print(line)


def headlines(report: ReplayReport) -> Iterator[str]:
    """The result in sentences, the assumptions named as such."""
    found, about = report.found, report.about
    if about.emulated:
        yield _SANDBOX + ("." if about.tier == "local" else _EMULATED)
    if not found.tickets:
        yield f"Nothing to compare: no solved ticket of the last {about.since} was replayed."
        return
    yield (
        f"{found.tickets} solved tickets of the last {about.since} replayed (--tier {about.tier}); "
        "nothing was written."
    )
    yield f"Agreement with people's group: {share(found.agreed)} of what would be routed without a person."
    yield f"Routed without a person: {share(found.alone)}."
    if found.suggested.total:
        yield f"Suggestions to the person where one decides: right in {share(found.suggested)}."
    yield from _money(report)
    yield _minutes(report)


def _money(report: ReplayReport) -> Iterator[str]:
    found, about = report.found, report.about
    each, month = found.per_ticket_usd, report.monthly_usd
    if each is None or month is None:
        return
    least = " at least" if about.unpriced else ""
    yield (
        f"Cost{least}: {usd(found.cost_usd)}, {usd(each)} per ticket, {usd(month)} per 30 days at the "
        f"present volume of {report.monthly_tickets:,.0f} tickets."
    )
    if about.remembered:
        yield f"Paid now: {usd(about.paid_usd)}; {about.remembered} answers had been paid for earlier."
    if about.unpriced:
        yield f"{about.unpriced} answers came from a model without a price in the settings."


def _minutes(report: ReplayReport) -> str:
    found, each = report.found, report.about.minutes_per_ticket
    saved, month = report.minutes_saved, report.monthly_minutes_saved
    if each is None or saved is None or month is None:
        return (
            f"Minutes saved: {found.agreed.count} tickets routed as people did, times what one takes you by "
            "hand (--minutes-per-ticket)."
        )
    return (
        f"Minutes saved: {saved:,.0f} here, {month / 60:,.1f} hours per 30 days, ASSUMING {each:g} minutes "
        "of sorting by hand per ticket (your figure) and counting only tickets routed as people did."
    )


def omissions(report: ReplayReport) -> Iterator[str]:
    """What is not in the figures, with the reason."""
    about = report.about
    if about.skipped:
        reasons = ", ".join(f"{reason.replace('_', ' ')} {count}" for reason, count in about.skipped.items())
        yield f"Not compared: {reasons}."
    for name, ids in about.elsewhere.items():
        yield f"  no team's group: {name}, {len(ids)} tickets"
    if learnt := about.skipped.get("learnt"):
        yield (
            f"  learnt: the local tier was trained on these {learnt}, or every prompt shows them, so they "
            "prove nothing; train it on older tickets than you replay"
        )
    if about.beyond_limit:
        yield f"Beyond --limit: {about.beyond_limit} (the sample looks random and is the same every time)."


def _tables(report: ReplayReport) -> None:
    found = report.found
    table(
        ("team (people's)", "tickets", "routed", "agree", "agreement", "95 % interval", "to a person"),
        [
            (
                each.team,
                each.tickets,
                each.agreed.total,
                each.agreed.count,
                *_cells(each.agreed),
                each.to_person,
            )
            for each in found.teams
        ],
        title="By team",
    )
    columns = our_columns(found)
    table(
        ("people's ↓ ours →", *(column or A_PERSON for column in columns)),
        [
            (each.team, *(found.confusion.get((each.team, column)) or "·" for column in columns))
            for each in found.teams
        ],
        title="Where tickets would go",
    )
    if found.tiers:
        table(
            ("decided by", "routed", "agree", "agreement", "95 % interval"),
            [(tier, each.total, each.count, *_cells(each)) for tier, each in found.tiers],
            title="By tier",
        )
    if found.causes:
        rows = [
            (cause.replace("_", " "), count, percent(count / found.tickets)) for cause, count in found.causes
        ]
        table(("to a person because of", "tickets", "of all"), rows, title="What would go to a person")
    if found.disagreements:
        shown = found.disagreements[:_DISAGREEMENTS_SHOWN]
        rest = len(found.disagreements) - len(shown)
        title = f"Disagreements ({rest} more with --json or --html)" if rest else "Disagreements"
        table(
            ("ticket", "people", "ours", "decided by", "confidence"),
            [
                (each.ticket_id, each.people, each.ours, each.decision.tier, confidence(each))
                for each in shown
            ],
            title=title,
        )


def our_columns(found: Comparison) -> list[str | None]:
    """Our teams in the order of people's, then those that only we chose, then the person."""
    ours = {our for _, our in found.confusion if our is not None}
    ranked = [each.team for each in found.teams if each.team in ours]
    return [*ranked, *sorted(ours.difference(ranked)), None]


def _cells(agreed: Share) -> tuple[str | None, str | None]:
    if agreed.value is None or agreed.interval is None:
        return None, None
    low, high = agreed.interval
    return percent(agreed.value), f"{low:.0%}–{high:.0%}"


def confidence(each: Replayed) -> str | None:
    found = each.decision.classification
    return f"{found.team.confidence:.2f}" if found and found.team else None


def share(of: Share) -> str:
    """``81.0 % (77–85 %), 391 of 483``"""
    if of.value is None or of.interval is None:
        return "none"
    low, high = of.interval
    return f"{percent(of.value)} (95 % interval {low:.0%}–{high:.0%}), {of.count} of {of.total}"


def percent(value: float) -> str:
    return f"{value:.1%}"


# --- JSON ---------------------------------------------------------------------------------------------------


def facts(report: ReplayReport) -> dict[str, Any]:
    """The report as ``--json`` prints it: ids, counts and names, no ticket text.  Money is USD."""
    found, about = report.found, report.about
    return {
        "since": about.since,
        "tier": about.tier,
        "emulated": about.emulated,
        "prompt_version": about.prompt_version,
        "tickets": found.tickets,
        "agreement": _share_facts(found.agreed),
        "without_a_person": _share_facts(found.alone),
        "suggestions": _share_facts(found.suggested),
        "teams": [
            {"team": each.team, "tickets": each.tickets, "to_person": each.to_person}
            | _share_facts(each.agreed)
            for each in found.teams
        ],
        "tiers": {tier: _share_facts(each) for tier, each in found.tiers},
        "to_person": dict(found.causes),
        "confusion": [
            {"people": people, "ours": ours, "tickets": count}
            for (people, ours), count in sorted(found.confusion.items(), key=lambda item: -item[1])
        ],
        "disagreements": [_disagreement(each) for each in found.disagreements],
        "cost": found.cost_usd,
        "cost_per_ticket": found.per_ticket_usd,
        "cost_per_month": report.monthly_usd,
        "monthly_tickets": round(report.monthly_tickets, 1),
        "paid_now": about.paid_usd,
        "answers_paid_earlier": about.remembered,
        "answers_without_price": about.unpriced,
        "assumed_minutes_per_ticket": about.minutes_per_ticket,
        "minutes_saved": report.minutes_saved,
        "minutes_saved_per_month": report.monthly_minutes_saved,
        "not_compared": dict(about.skipped),
        "no_team": {name: list(ids) for name, ids in about.elsewhere.items()},
        "beyond_limit": about.beyond_limit,
        "undecided": about.undecided,
        "left_because": about.left_because or None,
    }


def _share_facts(of: Share) -> dict[str, Any]:
    low, high = of.interval or (None, None)
    return {"count": of.count, "of": of.total, "share": of.value, "low": low, "high": high}


def _disagreement(each: Replayed) -> dict[str, Any]:
    found, decision = each.decision.classification, each.decision
    return {
        "ticket_id": each.ticket_id,
        "people": each.people,
        "ours": each.ours,
        "tier": decision.tier,
        "confidence": found.team.confidence if found and found.team else None,
        "cause": decision.cause,
    }
