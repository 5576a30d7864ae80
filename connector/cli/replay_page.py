"""What a replay showed, as one HTML page: nothing is loaded from anywhere, and no script runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from html import escape
from importlib import resources

from connector.cli.output import usd
from connector.cli.replay_tables import (
    A_PERSON,
    confidence,
    headlines,
    omissions,
    our_columns,
    percent,
    share,
)
from connector.quality.replay import ReplayReport, Share

_BAR_WIDTH = 200  # units of the drawing, which stretches with its cell


def page_of(report: ReplayReport, made_at: datetime) -> str:
    """The whole report as well-formed HTML; whatever comes from outside is escaped."""
    sections = [_lead(report)]
    if report.found.tickets:
        sections += [_teams(report), _confusion(report), _person(report), _tiers(report), _differing(report)]
    sections.append(_left_out(report))
    style = resources.files(__package__).joinpath("replay_page.css").read_text(encoding="utf-8")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        '<meta name="color-scheme" content="light dark"/>\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\"/>\n"
        f"<title>Replay of {report.found.tickets} solved tickets</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<main>\n{''.join(section for section in sections if section)}"
        f"<footer><p>connector replay, {_text(f'{made_at:%Y-%m-%d %H:%M}')} UTC; prompt "
        f"{_text(report.about.prompt_version)}. No ticket text is in this page.</p></footer>\n"
        "</main>\n</body>\n</html>\n"
    )


# --- Sections -----------------------------------------------------------------------------------------------


def _lead(report: ReplayReport) -> str:
    found, about = report.found, report.about
    title = f"{found.tickets:,} solved tickets, replayed"
    lines = list(headlines(report))
    warning = f'<p class="warning" role="note">{_text(lines.pop(0))}</p>\n' if about.emulated else ""
    tiles = "".join(_tile(*tile) for tile in _figures(report))
    said = "".join(f"<li>{_text(line)}</li>\n" for line in lines)
    return (
        f'<header>\n<p class="eyebrow">Replay, last {_text(about.since)}</p>\n<h1>{_text(title)}</h1>\n'
        f'{warning}<dl class="tiles">\n{tiles}</dl>\n<ul class="said">\n{said}</ul>\n</header>\n'
    )


def _figures(report: ReplayReport) -> Iterator[tuple[str, str, str]]:
    found, month = report.found, report.monthly_usd
    for name, of in (("agree with people", found.agreed), ("routed without a person", found.alone)):
        if of.value is not None and of.interval is not None:
            low, high = of.interval
            yield name, percent(of.value), f"{low:.0%}–{high:.0%}, {of.count} of {of.total}"
    each = found.per_ticket_usd
    if each is not None and month is not None:
        yield "per ticket", usd(each), f"{usd(month)} per 30 days at {report.monthly_tickets:,.0f} tickets"
    saved = report.monthly_minutes_saved
    if saved is not None:
        assumed = f"assuming {report.about.minutes_per_ticket:g} min per ticket by hand"
        yield "saved per 30 days", f"{saved / 60:,.1f} h", assumed


def _tile(name: str, figure: str, detail: str) -> str:
    return (
        f'<div class="tile"><dt>{_text(name)}</dt><dd class="figure">{_text(figure)}</dd>'
        f'<dd class="detail">{_text(detail)}</dd></div>\n'
    )


def _teams(report: ReplayReport) -> str:
    rows = [
        [
            _head(each.team),
            _number(each.tickets),
            _number(each.agreed.total),
            _cell(_percent(each.agreed), "number"),
            _cell(_bar(each.agreed), "chart"),
            _number(each.to_person),
        ]
        for each in report.found.teams
    ]
    columns = _columns("team (people's)", "#tickets", "#routed", "#agree", "=95 % interval", "#to a person")
    about = "Of what would be routed without a person; the line is the 95 % Wilson interval."
    return _section("Agreement by team", about, _table("Agreement by team", columns, rows))


def _confusion(report: ReplayReport) -> str:
    found = report.found
    columns = our_columns(found)
    rows = []
    for each in found.teams:
        cells = [_head(each.team)]
        for column in columns:
            count = found.confusion.get((each.team, column), 0)
            kind = "left" if column is None else "right" if column == each.team else "wrong"
            cells.append(_heat(count, each.tickets, kind))
        rows.append(cells)
    ours = [(column or A_PERSON, "heat") for column in columns]
    names = [("people's ↓ ours →", ""), *ours]
    about = "Rows are the team that people gave the ticket; a stronger colour is a larger share of the row."
    return _section("Where tickets would go", about, _table("Where tickets would go", names, rows))


def _person(report: ReplayReport) -> str:
    found = report.found
    if not found.causes:
        return ""
    rows = [
        [
            _head(cause.replace("_", " ")),
            _number(count),
            _cell(percent(count / found.tickets), "number"),
            _cell(_bar(Share(count, found.tickets), whisker=False), "chart"),
        ]
        for cause, count in found.causes
    ]
    about = f"Where one decides, our suggestion is right in {share(found.suggested)}."
    columns = _columns("because of", "#tickets", "#of all", "=share")
    return _section("What would go to a person", about, _table("Causes", columns, rows))


def _tiers(report: ReplayReport) -> str:
    rows = [
        [
            _head(tier),
            _number(each.total),
            _cell(_percent(each), "number"),
            _cell(_bar(each), "chart"),
        ]
        for tier, each in report.found.tiers
    ]
    if not rows:
        return ""
    columns = _columns("decided by", "#routed", "#agree", "=95 % interval")
    return _section("Agreement by tier", "Who would have decided.", _table("By tier", columns, rows))


def _differing(report: ReplayReport) -> str:
    different = report.found.disagreements
    if not different:
        return ""
    rows = [
        [
            _head(each.ticket_id),
            _cell(_text(each.people)),
            _cell(_text(each.ours or A_PERSON)),
            _cell(_text(each.decision.tier or "")),
            _cell(_text(confidence(each) or "–"), "number"),
        ]
        for each in different
    ]
    columns = _columns("ticket", "people", "ours", "decided by", "#confidence")
    table = _table("Disagreements", columns, rows)
    shown = f"<details><summary>{len(different)} tickets, by id</summary>\n{table}</details>\n"
    about = "Routed without a person, and not as people did. Either may be right: read some."
    return _section("Disagreements", about, shown)


def _left_out(report: ReplayReport) -> str:
    lines = [*omissions(report)]
    if report.about.undecided:
        lines.append(f"Left undecided: {report.about.undecided} ({report.about.left_because}).")
    if not lines:
        return ""
    told = "".join(f"<li>{_text(line.strip())}</li>\n" for line in lines)
    return _section("Not in the figures", "", f'<ul class="said">\n{told}</ul>\n')


# --- Pieces: each returns markup, and only `_text` lets a word from outside in ------------------------------


def _text(words: str) -> str:
    """Escaped, and without the control characters that no page may hold."""
    return escape("".join(each if each.isprintable() else "\ufffd" for each in words))


def _section(title: str, about: str, body: str) -> str:
    intro = f"<p>{_text(about)}</p>\n" if about else ""
    return f"<section>\n<h2>{_text(title)}</h2>\n{intro}{body}</section>\n"


def _columns(*names: str) -> list[tuple[str, str]]:
    """Heads with their kind: a name that begins with # stands over numbers, one with = over bars."""
    kinds = {"#": "number", "=": "chart"}
    return [(name.lstrip("#="), kinds.get(name[0], "")) for name in names]


def _table(caption: str, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> str:
    """``columns`` are heads with their kind; ``rows`` are cells of markup."""
    heads = "".join(f'<th scope="col" class="{kind}">{_text(name)}</th>' for name, kind in columns)
    body = "".join(f"<tr>{''.join(cells)}</tr>\n" for cells in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{_text(caption)}"><table>'
        f'<caption class="unseen">{_text(caption)}</caption>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n"
    )


def _head(words: str) -> str:
    return f'<th scope="row">{_text(words)}</th>'


def _cell(markup: str, kind: str = "") -> str:
    return f'<td class="{kind}">{markup}</td>' if kind else f"<td>{markup}</td>"


def _number(count: int) -> str:
    return _cell(f"{count:,}", "number")


def _percent(of: Share) -> str:
    return "–" if of.value is None else percent(of.value)


def _heat(count: int, total: int, kind: str) -> str:
    if not count:
        return '<td class="heat none">·</td>'
    strength = round(10 + 80 * count / total)
    return f'<td class="heat {kind}" style="--strength: {strength}%">{count:,}</td>'


def _bar(of: Share, *, whisker: bool = True) -> str:
    """A share as a bar from 0 to 1, with its interval as a line; the numbers stand beside it as text."""
    if of.value is None or of.interval is None:
        return ""
    low, high = (round(_BAR_WIDTH * end, 1) for end in of.interval)
    said = f"{percent(of.value)}, 95 % interval {of.interval[0]:.0%} to {of.interval[1]:.0%}"
    line = (
        f'<path class="whisker" d="M{low} 9H{high}M{low} 5V13M{high} 5V13"/>' if whisker else ""
    )  # the line and its two ends
    return (
        f'<svg viewBox="-2 0 {_BAR_WIDTH + 4} 18" role="img" aria-label="{said}">'
        f'<rect class="track" x="0" y="2" width="{_BAR_WIDTH}" height="14" rx="2"/>'
        f'<rect class="fill" x="0" y="2" width="{_BAR_WIDTH * of.value:.1f}" height="14" rx="2"/>{line}</svg>'
    )
