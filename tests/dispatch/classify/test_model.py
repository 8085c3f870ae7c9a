"""DISP-1, DISP-3: what the classifier learns and when it says "I don't know", without a database."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.dispatch.classify.evaluation import Trained, by_topic, train
from apps.dispatch.classify.features import LONGEST, letters, plain, words
from apps.dispatch.classify.model import NOBODY, Guess, Label, Scale, judge, learn, settled
from apps.dispatch.classify.storage import NotAClassifier, from_bytes, to_bytes
from tests.dispatch.classify.texts import examples


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(*examples(30))


def test_words_come_alone_and_in_pairs_and_letters_with_the_edges_of_their_word() -> None:
    assert plain("  Ｂlock\tMY  Card ") == "block my card"
    assert words("block my card") == ["block", "my", "card", "block my", "my card"]
    assert letters("my a") == [" m", "my", "y ", " my", "my ", " my ", " a", "a ", " a "]
    assert len(plain("x" * (LONGEST + 5))) == LONGEST


def test_it_names_the_workload_of_a_text_that_it_has_not_seen(trained: Trained) -> None:
    guess = trained.classifier.guess("please block my lost card")
    assert (guess.owner, guess.confidence > trained.chosen.threshold) == ("bank", True)
    assert trained.classifier.guess("a hotel room").owner == "travel"


def test_what_belongs_to_nobody_stays_below_the_threshold(trained: Trained) -> None:
    """DISP-3."""
    guess = trained.classifier.guess("why do whales sleep")
    assert guess.owner in {"bank", "travel"}
    assert guess.confidence < trained.chosen.threshold


def test_a_text_without_anything_known_in_it_is_nobodys(trained: Trained) -> None:
    for text in ("", "\x00", "ЖЖЖ", "漢字", "?!"):
        assert trained.classifier.guess(text) == Guess(NOBODY, 0.0)


def test_the_owner_with_the_most_to_say_for_it_wins_and_the_margin_is_before_nobody() -> None:
    labels = (Label("a", "1"), Label("a", "2"), Label("b"), Label(NOBODY))
    scores = np.array([0.4, 0.4, 0.5, -0.5], dtype=np.float32)
    owner, margin = judge(scores, labels)
    assert (owner, margin) == ("a", pytest.approx(1.0))
    owner, margin = judge(scores[:3], labels[:3])
    assert (owner, margin) == ("a", pytest.approx(0.5))


def test_a_topic_with_fewer_examples_than_folds_goes_with_its_owners_largest() -> None:
    small, large, other = Label("a", "small"), Label("a", "large"), Label("b")
    assert settled([small, small, *[large] * 3, *[other] * 3]) == [*[large] * 5, *[other] * 3]


def test_two_labels_and_no_examples_of_nobody_are_enough() -> None:
    texts, labels = examples(12)
    kept = [(text, Label(label.owner)) for text, label in zip(texts, labels, strict=True) if label.owner]
    found = train([text for text, _ in kept], [label for _, label in kept])
    assert [label.owner for label in found.classifier.machine.labels] == ["bank", "travel"]
    assert found.classifier.guess("block my card").owner == "bank"
    assert found.classifier.guess("hotel in rome").owner == "travel"
    assert found.chosen.none is None


def test_the_same_examples_make_the_same_classifier_to_the_byte() -> None:
    texts, labels = examples(10)
    assert to_bytes(train(texts, labels).classifier) == to_bytes(train(texts, labels).classifier)


def test_topics_can_be_read_as_workloads_of_their_own() -> None:
    machine = learn(*examples(10))
    assert [label.owner for label in replace(machine, labels=by_topic(machine.labels)).labels] == [
        NOBODY,
        "bank/balance",
        "bank/card",
        "travel/flight",
        "travel/hotel",
    ]


def test_it_comes_back_from_bytes_as_it_was(trained: Trained) -> None:
    again = from_bytes(to_bytes(trained.classifier))
    for text in ("block my card", "a flight to oslo", "why is the sky blue", "", "unheard of"):
        assert again.guess(text) == trained.classifier.guess(text)


def test_other_bytes_are_no_classifier(trained: Trained) -> None:
    whole = to_bytes(trained.classifier)
    for data in (b"", b"x" * 100, whole[: len(whole) // 2], b"\x80\x04cos\nsystem\n."):
        with pytest.raises(NotAClassifier):
            from_bytes(data)


@given(margins=st.lists(st.floats(-1e6, 1e6), min_size=2), slope=st.floats(0.1, 100), offset=st.floats(-50, 50))
def test_more_margin_is_never_less_sure(margins: list[float], slope: float, offset: float) -> None:
    sure = [Scale(slope, offset).confidence(margin) for margin in sorted(margins)]
    assert sure == sorted(sure)
    assert all(0 <= each <= 1 for each in sure)


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=2_000))
def test_any_text_gets_an_answer(trained: Trained, text: str) -> None:
    guess = trained.classifier.guess(text)
    assert guess.owner in {"bank", "travel", NOBODY} and 0 <= guess.confidence <= 1
