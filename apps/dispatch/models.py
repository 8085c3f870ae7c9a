"""Where Django looks for this app's tables."""

from apps.dispatch.classify.models import Classifier, Dispatcher, Example, Rule

__all__ = ["Classifier", "Dispatcher", "Example", "Rule"]
