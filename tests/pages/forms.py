"""The forms of a page as a browser would send them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """``fields``: names with the value that stands there; ``free``: those of them into which one types a text."""

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    free: set[str] = field(default_factory=set)


class _Reader(HTMLParser):
    TYPED = frozenset({"text", "search", "url", "email", "tel", "password"})

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select: str | None = None
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(at.get("action", ""), at.get("method", "get").lower()))
        elif self.forms and (name := at.get("name", self._select or "")):
            self._control(tag, name, at)

    def _control(self, tag: str, name: str, at: dict[str, str]) -> None:
        form, value = self.forms[-1], at.get("value", "")
        if tag == "textarea":
            form.free.add(name)
            form.fields[name], self._area = [""], name
        elif tag == "select":
            form.fields.setdefault(name, [])
            self._select = name
        elif tag == "option" and self._select:
            # The first that says something, or the one that is chosen.
            if "selected" in at or not any(form.fields[self._select]):
                form.fields[self._select] = [value]
        elif tag == "input" and at.get("type") in {"checkbox", "radio"}:
            form.fields.setdefault(name, []).append(value or "on")
        elif tag == "input" and at.get("type") != "file":
            form.fields.setdefault(name, []).append(value)
            if at.get("type", "text") in self.TYPED:
                form.free.add(name)
        elif tag == "button" and value:
            form.fields.setdefault(name, [value])

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.forms[-1].fields[self._area] = [data]

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = None
        elif tag == "textarea":
            self._area = None


def forms(page: str) -> list[Form]:
    reader = _Reader()
    reader.feed(page)
    return [form for form in reader.forms if form.method == "post"]
