"""The examples that the settings allow: chosen for each ticket by the local model, or the same for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.bootstrap.local import open_local
from connector.bootstrap.reading import open_reader
from connector.classify.examples import Bank, Example, Outline, Shown, balanced, digest_of_bank, show
from connector.settings import Settings

if TYPE_CHECKING:
    from connector.local.model import TrainedModel
    from connector.store import SqlLabels, Store


@dataclass(frozen=True, slots=True)
class Examples:
    """Either a bank with its digest, or fixed ones with those of their words, or none at all."""

    bank: Bank | None = None
    digest: str = ""
    fixed: tuple[Shown, ...] = ()
    fixed_digests: frozenset[str] = frozenset()


NO_EXAMPLES = Examples()


def open_examples(settings: Settings, store: Store) -> Examples:
    """Without a model that knows enough of the stored labels the fixed ones.

    Raises SettingsError for a model that must be trained again, and what the database raises.
    """
    chosen = settings.examples
    if not chosen.enabled:
        return NO_EXAMPLES
    book = store.labels(settings.helpdesk.ledger_name)
    outlines = {each.key: each for each in book.outlines()}
    model = _model(settings) if len(outlines) >= chosen.least_labels else None
    if model is not None:
        whose = key_prefix(settings)
        ours = {key: key.removeprefix(whose) for key in model.ids if key.startswith(whose)}
        known = {key: outlines[plain] for key, plain in ours.items() if plain in outlines}
        if len(known) >= chosen.least_labels:
            return Examples(_bank(settings, model, known, book), digest_of_bank(known.values(), model.digest))
    return _fixed(settings, outlines, book)


def key_prefix(settings: Settings) -> str:
    """What stands before the keys of a helpdesk's labels in a model that several helpdesks share."""
    return f"{settings.one_of_several}/" if settings.one_of_several else ""


def _model(settings: Settings) -> TrainedModel | None:
    return open_local(settings) if settings.local.model.exists() else None


def _bank(settings: Settings, model: TrainedModel, known: Mapping[str, Outline], book: SqlLabels) -> Bank:
    chosen = settings.examples
    return Bank(
        model=model,
        outlines=known,
        find=_finder(book, key_prefix(settings)),
        read=open_reader(settings).words,
        taxonomy=settings.taxonomy(),
        count=chosen.count,
        classes=chosen.teams,
        max_tokens=chosen.max_tokens,
    )


def _fixed(settings: Settings, outlines: Mapping[str, Outline], book: SqlLabels) -> Examples:
    taxonomy, chosen = settings.taxonomy(), settings.examples
    keys = balanced(outlines.values(), taxonomy, chosen.fixed)
    found = _finder(book)(keys)
    examples = [found[key] for key in keys if key in found]
    shown = show(examples, open_reader(settings).words, taxonomy, chosen.max_tokens)
    return Examples(fixed=shown, fixed_digests=frozenset(outlines[key].digest for key in keys))


def _finder(book: SqlLabels, prefix: str = "") -> Callable[[Sequence[str]], Mapping[str, Example]]:
    def find(keys: Sequence[str]) -> Mapping[str, Example]:
        return {
            prefix + key: Example(Outline(each.ticket_id, each.digest, each.labels), each.subject, each.text)
            for key, each in book.find([key.removeprefix(prefix) for key in keys]).items()
        }

    return find
