"""A classifier as bytes: arrays and words, compressed. Pure.

Never a pickle: what is read back may be wrong, but it can't be a program.
"""

import io
import json
import zipfile
import zlib
from typing import Any

import numpy as np

from apps.dispatch.classify.model import Label, Machine, Part, Scale, TextClassifier

FORMAT = 1


class NotAClassifier(ValueError):
    """These bytes are no classifier of this format."""


def to_bytes(classifier: TextClassifier) -> bytes:
    machine = classifier.machine
    about = {
        "format": FORMAT,
        "labels": [[label.owner, label.topic] for label in machine.labels],
        "words": _names(machine.words),
        "letters": _names(machine.letters),
        "scale": [classifier.scale.slope, classifier.scale.offset],
    }
    written = io.BytesIO()
    np.savez_compressed(
        written,
        about=np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
        words=machine.words.rarity,
        letters=machine.letters.rarity,
        weights=machine.weights,
        bias=machine.bias,
    )
    return written.getvalue()


def from_bytes(data: bytes) -> TextClassifier:
    """
    Raises:
        NotAClassifier: something else, or cut short.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            arrays: dict[str, Any] = {name: found[name] for name in found.files}
        about = json.loads(arrays["about"].tobytes())
        return _classifier(about, arrays)
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise NotAClassifier("These bytes are no classifier.") from error


def _classifier(about: dict[str, Any], arrays: dict[str, Any]) -> TextClassifier:
    if about["format"] != FORMAT:
        raise NotAClassifier(f"This classifier has format {about['format']}; only {FORMAT} is read.")
    labels = tuple(Label(owner, topic) for owner, topic in about["labels"])
    words = Part(_places(about["words"]), arrays["words"], 0)
    letters = Part(_places(about["letters"]), arrays["letters"], len(words.places))
    weights, bias = arrays["weights"], arrays["bias"]
    fits = weights.shape == (len(words.places) + len(letters.places), len(labels)) and bias.shape == (len(labels),)
    if not fits or (len(words.rarity), len(letters.rarity)) != (len(words.places), len(letters.places)):
        raise NotAClassifier("The weights of this classifier don't fit its words.")
    slope, offset = about["scale"]
    return TextClassifier(Machine(labels, words, letters, weights, bias), Scale(float(slope), float(offset)))


def _names(part: Part) -> list[str]:
    return sorted(part.places, key=lambda name: part.places[name])


def _places(names: list[str]) -> dict[str, int]:
    return {name: place for place, name in enumerate(names)}
