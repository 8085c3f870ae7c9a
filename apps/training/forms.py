from typing import Any
from uuid import UUID

from django import forms

from apps.training.models import Module
from apps.training.rules import LEAST_SHARE, TOPICS, questions_from

_HELP = "A line that asks, below it its answers: + before the right one, - before the others. Then the next question."


class TextForm(forms.Form):
    text = forms.CharField(widget=forms.Textarea(attrs={"rows": 14}), strip=False, help_text="Markdown.")
    questions = forms.CharField(widget=forms.Textarea(attrs={"rows": 8}), help_text=_HELP)
    valid_days = forms.IntegerField(min_value=1, max_value=1_000, initial=365, label="Counts for, in days")

    def clean_questions(self) -> list[dict[str, object]]:
        return questions_from(self.cleaned_data["questions"])


class ModuleForm(TextForm):
    title = forms.CharField(max_length=100)
    topic = forms.ChoiceField(choices=[(topic.value, words) for topic, words in TOPICS.items()])

    field_order = ["title", "topic", "text", "questions", "valid_days"]


class RewriteForm(TextForm):
    again = forms.BooleanField(
        required=False,
        label="Everybody takes it again",
        help_text="What was completed before no longer counts: cohorts may fall under their threshold at once.",
    )


class CohortForm(forms.Form):
    name = forms.CharField(max_length=100)
    is_first = forms.BooleanField(required=False, label="These are the first users")
    threshold = forms.IntegerField(
        min_value=LEAST_SHARE, max_value=100, initial=LEAST_SHARE, label="Percent who have to be trained"
    )
    attribute = forms.CharField(
        max_length=60, required=False, help_text="As a rollout's phase names the cohort, e.g. department."
    )
    value = forms.CharField(max_length=200, required=False, help_text="Its value there, e.g. support-berlin.")


class PeopleForm(forms.Form):
    people = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, required=False)

    def __init__(self, *args: Any, members: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["people"].choices = members  # type: ignore[attr-defined]

    def ids(self) -> list[UUID]:
        return [UUID(i) for i in self.cleaned_data["people"]]


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=300)


class AnswersForm(forms.Form):
    """A module's questions, one choice each."""

    def __init__(self, *args: Any, module: Module, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.count = len(module.asks)
        for number, asked in enumerate(module.asks):
            self.fields[f"q{number}"] = forms.ChoiceField(
                label=f"{number + 1}. {asked.text}",
                choices=list(enumerate(asked.answers)),
                widget=forms.RadioSelect,
                required=False,
            )

    def answers(self) -> list[int | None]:
        said = [self.cleaned_data[f"q{number}"] for number in range(self.count)]
        return [int(each) if each else None for each in said]
