"""The faults to draw from: each under its name, at either upstream, with what an operator may see of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from random import Random
from types import MappingProxyType

from connector.sandbox import faults
from connector.sandbox.claude_api import mishaps as at_claude
from connector.sandbox.faults import Behaviour
from connector.sandbox.server import App, Cut, Request, Response, Wire
from connector.sandbox.zendesk_api import mishaps as at_zendesk
from connector.sandbox.zendesk_api import refusal
from tests.support.town import Town

Make = Callable[[Town, Random], Behaviour]

LOOK_BACK_SECONDS = 20 * 3600


@dataclass(frozen=True, slots=True)
class Dish:
    """A fault by name.  ``code``: how a pass may end because of it, besides 0 and 75 (some tickets wait)."""

    make: Make
    method: str | None = None
    path: str = ""
    code: int | None = 69
    refuses: bool = False  # a final answer to one write: its ticket may stay as it was
    most_times: int = 30


def _plain(behave: Callable[[], Behaviour]) -> Make:
    return lambda _town, _random: behave()


def _status(*statuses: int) -> Make:
    return lambda _town, random: faults.html(random.choice(statuses))


def _slow_down(town: Town, random: Random) -> Behaviour:
    """429 that says how long in every way that was ever seen, or not at all."""
    date = formatdate(town.zendesk.world.now() + 40, usegmt=True)
    return faults.too_many_requests(random.choice((None, "3", "40", "3600", "86400000", "-5", "soon", date)))


def _anywhere(**more: Dish) -> dict[str, Dish]:
    common = {
        "reset": Dish(_plain(faults.reset)),
        "closed early": Dish(_plain(faults.close_early)),
        "closed in the headers": Dish(_plain(lambda: faults.close_early(Cut.INSIDE_HEADERS))),
        "truncated": Dish(_plain(faults.truncate)),
        "answer lost": Dish(_plain(faults.lose_response)),
        "drips": Dish(_plain(lambda: faults.spoil(Wire(drip_seconds=0.0002))), most_times=2),
        "empty 200": Dish(_plain(faults.empty)),
        "HTML 200": Dish(_plain(faults.html)),
        "server errors": Dish(_status(500, 502, 503, 504, 520, 529)),
        "slow down": Dish(_slow_down),
    }
    return common | more


_PUT_ONE = r"/tickets/\d+$"
_PUT_MANY = "/update_many"
_EXPORT = "/incremental/"


def _person_first(town: Town, random: Random) -> Behaviour:
    """A person takes a ticket of the write, right before it arrives."""

    def behave(request: Request, app: App) -> Response:
        body = request.json()
        first = body["tickets"][0]["id"] if "tickets" in body else int(request.path.rpartition("/")[2])
        if first not in town.taken and not town.zendesk.writes(first):
            town.taken.add(first)
            town.zendesk.person_sets(first, assignee=town.zendesk.agent)
        return app(request)

    return behave


def _refusal_of_one_write(_town: Town, random: Random) -> Behaviour:
    locale = random.choice(refusal.LOCALES)
    return random.choice(
        (
            at_zendesk.refuse(refusal.forbidden()),
            at_zendesk.refuse(refusal.not_found()),
            at_zendesk.refuse(refusal.closed(locale)),
            at_zendesk.unassignable(locale),
            at_zendesk.too_large(),
        )
    )


def _lost_cursor(_town: Town, random: Random) -> Behaviour:
    status = random.choice((400, 404, 422))
    return at_zendesk.refuse(refusal.refused(status, "InvalidCursor", "Der Cursor ist ungültig"))


def _since(town: Town, _random: Random) -> Behaviour:
    return at_zendesk.earlier_page(int(town.zendesk.world.now() - LOOK_BACK_SECONDS))


ZENDESK: Mapping[str, Dish] = MappingProxyType(
    _anywhere(
        **{
            # Once is mended by a new token; twice in a row looks like credentials that are worth nothing.
            "token revoked": Dish(
                lambda town, _: at_zendesk.revoke(town.zendesk.access), code=77, most_times=3
            ),
            "401": Dish(_plain(lambda: at_zendesk.refuse(refusal.invalid_token())), path="/api/v2/", code=77),
            "403": Dish(_plain(lambda: at_zendesk.refuse(refusal.forbidden())), "GET", "/api/v2/", code=77),
            "no token": Dish(_status(500, 503), "POST", "/oauth/tokens"),
            "OAuth client refused": Dish(
                _plain(lambda: at_zendesk.refuse(refusal.oauth(401, "invalid_client", "Nein."))),
                "POST",
                "/oauth/tokens",
                code=77,
            ),
            "write refused": Dish(_refusal_of_one_write, "PUT", _PUT_ONE, None, refuses=True, most_times=2),
            "bulk refused": Dish(_plain(lambda: at_zendesk.unassignable("de")), "PUT", _PUT_MANY, None),
            "409": Dish(
                _plain(lambda: at_zendesk.refuse(refusal.conflict())), "PUT", _PUT_ONE, None, most_times=3
            ),
            "collision": Dish(_plain(at_zendesk.collision), "PUT", _PUT_ONE, None, most_times=3),
            "a person is faster": Dish(_person_first, "PUT", "/tickets/", None, most_times=3),
            "write's answer lost": Dish(_plain(faults.lose_response), "PUT", "/tickets/", most_times=4),
            "write's answer empty": Dish(
                _plain(lambda: faults.alter(lambda _: Response(200))), "PUT", "/tickets/", most_times=4
            ),
            "job fails half-way": Dish(
                lambda town, random: at_zendesk.break_job(town.zendesk.jobs, random.randrange(20)),
                "PUT",
                _PUT_MANY,
                None,
                most_times=2,
            ),
            "job never ends": Dish(
                lambda town, _: at_zendesk.hold_job(town.zendesk.jobs), "PUT", _PUT_MANY, None, most_times=2
            ),
            "job cannot be asked": Dish(_status(404, 500), "GET", "/job_statuses/"),
            "audits forbidden": Dish(
                _plain(lambda: at_zendesk.refuse(refusal.forbidden())), "GET", "/audits", None, most_times=2
            ),
            "cursor refused": Dish(_lost_cursor, "GET", _EXPORT, most_times=3),
            "cursor stays": Dish(_plain(at_zendesk.keep_cursor), "GET", _EXPORT, most_times=3),
            "page of long ago": Dish(_since, "GET", _EXPORT, most_times=3),
            "tickets twice": Dish(_plain(at_zendesk.repeat_tickets), "GET", _EXPORT, None, most_times=3),
        }
    )
)

JOBS = frozenset({"bulk refused", "job fails half-way", "job never ends", "job cannot be asked"})


def _claude(status: int, message: str = "Something went wrong.", **more: str) -> Make:
    return _plain(lambda: at_claude.refuse(status, message, headers=more))


CLAUDE: Mapping[str, Dish] = MappingProxyType(
    _anywhere(
        **{
            "overloaded": Dish(_claude(529)),
            "rate limit": Dish(_claude(429, **{"retry-after": "7"})),
            "rate limit for an hour": Dish(_claude(429, **{"retry-after": "3600"}), most_times=3),
            "409": Dish(_claude(409)),
            "key refused": Dish(_claude(401), code=77),
            "not paid": Dish(_claude(402), code=77),
            "key may not": Dish(_claude(403), code=77),
            "model unknown": Dish(_claude(404), code=78),
            "request too large": Dish(_claude(413), code=None),
            "request refused": Dish(_claude(400, "messages.0.content: no"), code=None),
            "request unprocessable": Dish(_claude(422), code=None),
        }
    )
)
