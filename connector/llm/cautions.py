"""What will cost money or stop working soon with a configured model, although it answers today."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from connector.llm.pricing import Price

WARN_DAYS = 90  # before a model may retire
PRICE_DAYS = 180  # after which somebody should look at the price list again

_DATE = re.compile(r"-\d{8}$")


@dataclass(frozen=True, slots=True)
class Known:
    """What Anthropic says of a model, read in November 2026.

    ``cache_minimum``: shorter prompts are silently not cached, in tokens.  ``tokens_per_4_bytes`` is its
    tokenizer.  It lives at least until ``ends_on``; ``is_announced``: and no longer.
    """

    ends_on: date
    is_announced: bool = False
    cache_minimum: int | None = None
    tokens_per_4_bytes: float = 1.0


# platform.claude.com: Model deprecations, Prompt caching (minimum length), migration guides of 5.5.
_KNOWN: Mapping[str, Known] = MappingProxyType(
    {
        "claude-haiku-5-5": Known(date(2027, 10, 7), cache_minimum=512, tokens_per_4_bytes=1.3),
        "claude-sonnet-5-5": Known(date(2027, 9, 28), cache_minimum=512, tokens_per_4_bytes=1.3),
        "claude-sonnet-5": Known(date(2027, 6, 30), cache_minimum=1_024),
        "claude-opus-4-7": Known(date(2027, 4, 16), cache_minimum=2_048),
        "claude-sonnet-4-6": Known(date(2027, 2, 17), cache_minimum=1_024),
        "claude-opus-4-5": Known(date(2026, 11, 24)),
        "claude-haiku-4-5": Known(date(2026, 10, 15), cache_minimum=4_096),
        "claude-sonnet-4-5": Known(date(2026, 11, 30), is_announced=True),
        "claude-opus-4": Known(date(2026, 6, 15), is_announced=True),
        "claude-sonnet-4": Known(date(2026, 6, 15), is_announced=True),
        "claude-3-haiku": Known(date(2026, 4, 20), is_announced=True),
        "claude-3-5-haiku": Known(date(2026, 2, 19), is_announced=True),
        "claude-3-7-sonnet": Known(date(2026, 2, 19), is_announced=True),
    }
)


def cautions(model: str, static_bytes: int, price: Price | None, today: date) -> tuple[str, ...]:
    """Sentences for an operator, none when all is well.

    ``static_bytes`` is what all questions have in common: the system prompt and the schema.  A token is taken
    as four bytes of it, a 5.5 model's as 4/1.3.  Of a model that is not in the table only the price can age.
    """
    known = _KNOWN.get(_DATE.sub("", model))
    return tuple(
        f"{model} {caution}"
        for caution in (
            *(() if known is None else _ending(known, today)),
            *(() if known is None else _uncached(known, static_bytes)),
            *_old(price, today),
        )
    )


def _ending(known: Known, today: date) -> Iterator[str]:
    left = (known.ends_on - today).days
    if left > WARN_DAYS:
        return
    if known.is_announced:
        yield f"retires on {known.ends_on}, in {left} days" if left > 0 else f"retired on {known.ends_on}"
    elif left > 0:
        yield f"may retire from {known.ends_on} on, in {left} days"
    else:
        yield f"may retire any day; Anthropic promised it until {known.ends_on}"


def _uncached(known: Known, static_bytes: int) -> Iterator[str]:
    tokens = round(static_bytes / 4 * known.tokens_per_4_bytes)
    if known.cache_minimum is not None and tokens < known.cache_minimum:
        yield (
            f"caches prompts from {known.cache_minimum} tokens on and ours has about {tokens}, so every "
            "question pays for all of it"
        )


def _old(price: Price | None, today: date) -> Iterator[str]:
    if price is not None and (today - price.as_of).days > PRICE_DAYS:
        yield f"has a price of {price.as_of}; compare [[llm.prices]] with the price list and set as_of"
