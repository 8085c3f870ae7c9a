"""The rate card in words."""

from datetime import date
from decimal import Decimal as D

from apps.pricing import presenter
from apps.pricing.rules import Price, unknown

TODAY = date(2026, 11, 20)


def price(model: str, output: D | None = D(15)) -> Price:
    return Price(model, D("3.000000"), output, None, TODAY, "set here on 2026-11-20 by Fay")


def said(used: dict[str, list[str]], *prices: Price) -> str:
    return presenter.sentence(presenter.rows(used, {each.model: each for each in prices}, {}))


def test_the_sentence_names_what_lacks_a_price_and_what_follows() -> None:
    assert said({}) == "No workload names a model yet."
    assert said({"a": ["W-01"]}, price("a")) == "The one model in use has a price."
    assert said({"a": ["W-01"], "b": ["W-01"]}, price("a"), price("b")) == "All 2 models in use have a price."
    assert said({"a": ["W-01"], "b": ["W-02", "W-04"]}, price("a"), unknown("b")) == (
        "1 of 2 models in use has a price. b (W-02, W-04) lacks one: its calls are refused where money is capped."
    )


def test_a_price_in_part_is_none_to_a_cap_and_many_are_counted() -> None:
    used = {name: ["W-01"] for name in "abcde"}
    rows = [price("a"), price("b", output=None), *map(unknown, "cde")]
    assert said(used, *rows) == (
        "1 of 5 models in use has a price. b (W-01), c (W-01), d (W-01) and 1 more lack one: "
        "their calls are refused where money is capped."
    )


def test_one_models_price_in_a_sentence() -> None:
    assert presenter.standing(price("a")) == (
        "USD per million tokens: 3 for input, 15 for output; set here on 2026-11-20 by Fay."
    )
    assert presenter.standing(price("a", output=None)) == (
        "USD per million tokens: 3 for input; set here on 2026-11-20 by Fay. "
        "The rest isn't known: calls are refused where money is capped."
    )
    assert presenter.standing(unknown("a")) == "Nothing is known of what it costs (unknown)."
