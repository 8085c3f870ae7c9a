"""A small language of its own: two workloads that are easily told apart, and what belongs to neither."""

import random

from apps.dispatch.classify.model import NOBODY, Label

_SAID = {
    Label("bank", "balance"): ("how much is on my {} account", "what is the balance of my {} account", "{} balance"),
    Label("bank", "card"): ("i lost my {} card", "block the {} card please", "my {} card was stolen"),
    Label("travel", "flight"): ("book a flight to {}", "when does the plane to {} leave", "a seat on the {} flight"),
    Label("travel", "hotel"): ("find a hotel in {}", "a room in {} for two nights", "cheap hotels near {}"),
    Label(NOBODY): ("why is the sky {}", "who wrote the song {}", "how do {} sleep"),
}
_FILLED = ("red", "lisbon", "savings", "berlin", "gold", "joint", "oslo", "blue", "rome", "travel", "first", "second")


def examples(each: int, seed: int = 0) -> tuple[list[str], list[Label]]:
    """So many texts of each label, always the same for a seed."""
    chance = random.Random(seed)
    texts, labels = [], []
    for label, shapes in _SAID.items():
        for n in range(each):
            texts.append(f"{chance.choice(shapes).format(chance.choice(_FILLED))} {chance.choice(_FILLED)} {n}")
            labels.append(label)
    return texts, labels
