"""A trained model on disk: plain arrays and JSON in one .npz, readable without running anything from it."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from connector.domain.taxonomy import Axis
from connector.errors import SettingsError
from connector.local.embedding import EmbeddingEngine
from connector.local.features import Array, Lexicon, Rarity, count
from connector.local.fitting import Head
from connector.local.model import AxisModel, TrainedModel

FORMAT = 2
_PROBE = "Réf. 4711: my invoice isn't paid – please help!"


def save_model(model: TrainedModel, path: Path) -> None:
    """Write the model, readable by its owner alone; a reader sees the old file or the new one, never a half.

    Raises SettingsError when the place cannot be written.
    """
    arrays: dict[str, Array] = {"header": np.array(json.dumps(_header(model)))}
    for at, rarity in enumerate(model.lexicon.blocks):
        arrays |= {f"columns{at}": rarity.columns, f"weights{at}": rarity.weights}
    examples = model.examples
    arrays |= {"data": examples.data, "indices": examples.indices, "starts": examples.indptr}
    for axis, each in model.axes.items():
        arrays[f"{axis}.rows"] = each.rows
        for at, head in enumerate(each.heads):
            arrays |= {f"{axis}.{at}.weights": head.weights, f"{axis}.{at}.offsets": head.offsets}
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **arrays)
    half = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(packed.getvalue())
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise SettingsError(f"{path}: cannot write the local model ({error.strerror})") from None


def load_model(path: Path, engine: EmbeddingEngine | None = None) -> TrainedModel:
    """Read what `save_model` wrote; ``engine`` is the embedding plug-in installed now.

    Raises SettingsError when the file is missing, damaged, of another format, made with another way of
    reading texts, or made with another embedding engine: each time the remedy is to train again.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            header = json.loads(str(arrays["header"]))
            _check(header, path, engine)
            return _model(header, arrays, engine)
    except FileNotFoundError:
        raise SettingsError(f"{path}: no local model here; make one: connector train LABELS.csv") from None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        reason = type(error).__name__
        raise SettingsError(f"{path}: not a readable local model ({reason}); train it again") from None


def _header(model: TrainedModel) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "probe": _probe(),
        "digest": model.digest,
        "engine": model.engine.name if model.engine else None,
        "ids": model.ids,
        "fingerprints": sorted(model.fingerprints),
        "taxonomy": {axis.value: names for axis, names in model.taxonomy.items()},
        "unknown": [rarity.unknown for rarity in model.lexicon.blocks],
        "shape": model.examples.shape,
        "axes": {
            axis.value: {
                "classes": each.classes,
                "temperatures": [head.temperature for head in each.heads],
                "thresholds": each.thresholds,
                "reasons": each.reasons,
                "similarity": each.similarity,
            }
            for axis, each in model.axes.items()
        },
    }


def _probe() -> list[list[int]]:
    """How this installation reads a fixed text: another scikit-learn may cut or hash it in another way."""
    return [sorted(int(place) for place in block.indices) for block in count([_PROBE]).blocks]


def _check(header: Mapping[str, Any], path: Path, engine: EmbeddingEngine | None) -> None:
    if header["format"] != FORMAT:
        raise SettingsError(f"{path}: a local model of another version of the connector; train it again")
    if header["probe"] != _probe():
        raise SettingsError(
            f"{path}: another scikit-learn, which reads texts differently, made it; train it again"
        )
    if header["engine"] != (engine.name if engine else None):
        raise SettingsError(
            f"{path}: trained with the embedding engine {header['engine']}, and installed is "
            f"{engine.name if engine else None}; train it again"
        )


def _model(
    header: Mapping[str, Any], arrays: Mapping[str, Array], engine: EmbeddingEngine | None
) -> TrainedModel:
    blocks = tuple(
        Rarity(arrays[f"columns{at}"], arrays[f"weights{at}"], unknown)
        for at, unknown in enumerate(header["unknown"])
    )
    examples = scipy.sparse.csr_matrix(
        (arrays["data"], arrays["indices"], arrays["starts"]), shape=tuple(header["shape"])
    )
    axes = {}
    for name, each in header["axes"].items():
        heads = tuple(
            Head(arrays[f"{name}.{at}.weights"], arrays[f"{name}.{at}.offsets"], temperature)
            for at, temperature in enumerate(each["temperatures"])
        )
        axes[Axis(name)] = AxisModel(
            tuple(each["classes"]),
            heads,
            tuple(each["thresholds"]),
            tuple(each["reasons"]),
            each["similarity"],
            arrays[f"{name}.rows"],
        )
    ids, seen = tuple(header["ids"]), frozenset(header["fingerprints"])
    taxonomy = {Axis(axis): tuple(names) for axis, names in header["taxonomy"].items()}
    return TrainedModel(header["digest"], Lexicon(blocks), axes, examples, ids, seen, taxonomy, engine)
