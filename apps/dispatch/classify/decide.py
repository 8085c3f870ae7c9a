"""Whose a text is, at request time: the rules first, then the version that answers, or nobody (DISP-1, DISP-3).

What it takes is kept in the process, by tenant and configuration version: setting a threshold, a rule or another
version counts the configuration up, and so does what makes or retires a workload. Only then anything is read, by one
thread, while the others go on with what they know; the classifier itself only when it is another one.
"""

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from django.db import Error

from apps.dispatch.classify import queries
from apps.dispatch.classify.model import NOBODY, TextClassifier
from apps.dispatch.classify.queries import Setting
from apps.dispatch.classify.rules import first_match
from apps.dispatch.classify.storage import NotAClassifier, from_bytes
from portal.connections import drop_dead
from portal.errors import Unavailable
from portal.tenancy.context import tenant_transaction

logger = logging.getLogger(__name__)

# A bound on memory: what was used longest ago is read again when it is needed again.
MOST_KEPT = 64

RULE, CLASSIFIER = "rule", "classifier"


@dataclass(frozen=True, slots=True)
class Classified:
    """``workload`` is a key, or None: nobody's, or not sure enough. ``by`` is what had the last word, None if nothing
    is there to ask; ``version`` is that of the classifier.
    """

    workload: str | None
    confidence: float
    by: str | None
    version: int | None


@dataclass(frozen=True, slots=True)
class Known:
    """A tenant's rules and classifier as of one configuration version."""

    config: int
    setting: Setting
    classifier: TextClassifier | None


def classify(known: Known, text: str) -> Classified:
    """Pure, and without waiting for anything."""
    setting = known.setting
    matched = first_match(setting.patterns, text)
    if matched is not None and matched.workload in setting.keys:
        return Classified(setting.keys[matched.workload], 1.0, RULE, None)
    if known.classifier is None:
        return Classified(None, 0.0, None, None)
    guess = known.classifier.guess(text)
    # Learned before its workload was retired: then it is nobody's.
    is_sure = guess.owner != NOBODY and guess.confidence >= setting.threshold
    key = setting.keys.get(UUID(guess.owner)) if is_sure else None
    return Classified(key, guess.confidence, CLASSIFIER, setting.number)


class Classifiers:
    """What this process knows, by tenant."""

    def __init__(self) -> None:
        self._known: OrderedDict[UUID, Known] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, tenant_id: UUID, config: int) -> Known:
        """The tenant's rules and classifier for a configuration version, which the caller's snapshot names.

        While another thread reads a newer one, or the database can't be asked, the one before it.

        Raises:
            Unavailable: the database can't be asked and nothing is known.
        """
        known = self._known.get(tenant_id)
        if known is not None and known.config >= config:
            return known
        if not self._lock.acquire(blocking=known is None):
            assert known is not None, "only what is known is used without reading"
            return known
        try:
            return self._read(tenant_id, config)
        finally:
            self._lock.release()

    def clear(self) -> None:
        self._known.clear()

    def _read(self, tenant_id: UUID, config: int) -> Known:
        known = self._known.get(tenant_id)
        if known is not None and known.config >= config:
            return known  # another thread read it while this one waited
        # Decisions pass no request signals (portal.wsgi), so a connection that broke or grew old is dropped here.
        drop_dead()
        try:
            found = self._known[tenant_id] = _loaded(tenant_id, config, known)
        except Error as error:
            if known is None:
                raise Unavailable("classifier", "The classifier can't be read just now; use the fallback.") from error
            return known
        self._known.move_to_end(tenant_id)
        while len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)
        return found


def _loaded(tenant_id: UUID, config: int, known: Known | None) -> Known:
    with tenant_transaction(tenant_id):
        setting = queries.setting(tenant_id)
        if known is not None and known.setting.classifier_id == setting.classifier_id:
            return Known(config, setting, known.classifier)
        return Known(config, setting, _classifier(tenant_id, setting.classifier_id))


def _classifier(tenant_id: UUID, classifier_id: UUID | None) -> TextClassifier | None:
    """One that can't be read, such as one of an older format, answers nothing: everybody goes to the fallback."""
    if classifier_id is None:
        return None
    try:
        return from_bytes(queries.data_of(tenant_id, classifier_id))
    except NotAClassifier:
        logger.exception("classifier %s can't be read", classifier_id)
        return None


classifiers = Classifiers()
