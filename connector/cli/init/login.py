"""Which helpdesk, where, and credentials that it accepts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from connector.cli.init.form import Form
from connector.cli.output import say
from connector.domain.ticket import Group
from connector.errors import AuthRefused, ConnectorError, SettingsError, Unavailable, WrongRegion
from connector.ports import Account
from connector.settings import load_settings
from connector.settings.values import HostUrl

KINDS = ("zendesk", "pylon", "sandbox")
_REGIONS = ("us", "eu")
_MOST_REFUSALS = 5  # further ones might lock the account
_CREDENTIALS = ("client_id", "client_secret", "email", "api_token")
_OAUTH = (
    "Zendesk: an OAuth client is what lasts (Admin Center, Apps and integrations, APIs, OAuth clients:\n"
    "confidential, client credentials, of an admin user). API tokens are being retired: since 2026-10-27\n"
    "nobody can create one, one that is not used for 30 days is switched off, and on 2027-04-30 all end."
)
_OAUTH_REFUSED = (
    "Is it the unique identifier (not the name), and all of the secret? The client must be confidential,\n"
    "and its user an admin."
)
_LEGACY_REFUSED = "Is the token still active, may API tokens be used at all, and is the user an admin?"
_PYLON = "Pylon: an admin creates an API token in Settings, API tokens. It works in its own region alone."


@dataclass(frozen=True, slots=True)
class Proof:
    """What the helpdesk answered to the credentials."""

    account: Account
    groups: Sequence[Group]


Prove = Callable[[Mapping[str, str]], Proof]
"""Logs in with a [helpdesk] section.  Raises SettingsError, AuthRefused or Unavailable."""


def prove(helpdesk: Mapping[str, str]) -> Proof:
    """Ask the helpdesk itself, as `connector check` does; nothing is written."""
    from connector.bootstrap import open_helpdesk
    from connector.clock import SystemClock
    from connector.observe.logs import configure_logging

    settings = load_settings(overrides={"helpdesk": helpdesk}, use_file=False, secret_dirs=[]).settings
    configure_logging("error", settings.log.format, secrets=settings.secret_values())
    desk = open_helpdesk(settings, SystemClock(), dry_run=True)
    return Proof(desk.check(), tuple(desk.groups()))


def log_in(form: Form, prove: Prove) -> Proof:
    """Fill in ``form`` until the helpdesk accepts it.

    Raises what the helpdesk raised when nobody can be asked again, or when it has refused often enough.
    """
    ask, advice = (_ask_pylon, _PYLON) if form.answers["kind"] == "pylon" else (_ask_zendesk, _OAUTH)
    if form.dialogue.is_interactive and not form.has(*_CREDENTIALS):
        say(advice)
    refusals = 0
    while True:
        ask(form)
        try:
            say("Asking the helpdesk …")
            return prove(form.answers)
        except (AuthRefused, Unavailable, SettingsError) as error:
            refusals += 1
            if not form.dialogue.is_interactive or refusals == _MOST_REFUSALS:
                raise
            say(f"That did not work: {error}")
            _doubt(form, error)


def ask_kind(form: Form) -> None:
    form.text(
        "kind",
        f"Helpdesk ({', '.join(KINDS)})",
        instead="--helpdesk",
        default="zendesk" if form.dialogue.is_interactive else None,
        accept=lambda text: _one_of(KINDS, text),
    )


def _ask_zendesk(form: Form) -> None:
    form.text("base_url", "Subdomain or address", instead="--base-url", accept=zendesk_address)
    if form.has("client_id") or not form.has("email"):
        form.text(
            "client_id",
            "Unique identifier of the OAuth client"
            + (" (- for e-mail and API token)" if form.dialogue.is_interactive else ""),
            instead="--client-id (or --email)",
        )
    if form.answers.get("client_id", "-") == "-":
        form.answers.pop("client_id", None)
        form.text("email", "E-mail address of an admin", instead="--email")
        form.secret("api_token", "API token")
    else:
        form.secret("client_secret", "Secret of the OAuth client")


def _ask_pylon(form: Form) -> None:
    if form.has("base_url"):
        form.text("base_url", "Address", instead="--base-url", accept=_address)
    else:
        form.text(
            "region",
            f"Region ({' or '.join(_REGIONS)})",
            instead="--region",
            default="us",
            accept=lambda text: _one_of(_REGIONS, text),
        )
    form.secret("api_token", "API token")


def _doubt(form: Form, error: ConnectorError) -> None:
    """Have asked again what may be wrong."""
    if isinstance(error, WrongRegion) and "region" in form.answers:
        other = "eu" if form.answers["region"] == "us" else "us"
        form.doubt("region", suggesting=other)
    elif isinstance(error, AuthRefused):
        if form.answers["kind"] == "zendesk":
            say(_OAUTH_REFUSED if form.has("client_id") else _LEGACY_REFUSED)
        form.doubt(*_CREDENTIALS)
    elif form.answers["kind"] == "zendesk":
        form.doubt("base_url")
    else:
        form.dialogue.ask("Enter tries again, Ctrl-C ends", instead="", default="")


def zendesk_address(text: str) -> str:
    """``acme``, ``acme.zendesk.com`` or the address of any page there, as the address of the account."""
    address = text.strip()
    if "://" not in address:
        host, _, _ = address.partition("/")
        address = f"https://{host}" if "." in host else f"https://{host}.zendesk.com"
    scheme, _, rest = address.partition("://")
    host = rest.partition("/")[0].partition("?")[0].partition("#")[0]
    return _address(f"{scheme}://{host}".lower())


def _address(text: str) -> str:
    try:
        return TypeAdapter(HostUrl).validate_python(text)
    except ValidationError as error:
        told = error.errors(include_url=False, include_context=False, include_input=False)[0]["msg"]
        raise SettingsError(f"the address {told.removeprefix('Value error, ')}") from None


def _one_of(known: Sequence[str], text: str) -> str:
    if text.casefold() not in known:
        raise SettingsError(f"should be one of {', '.join(known)}")
    return text.casefold()
