"""Where Django looks for this app's tables."""

from apps.dispatch.classify.models import Classifier, Dispatcher, Example, Rule
from apps.dispatch.pilot.models import PilotService

__all__ = ["Classifier", "Dispatcher", "Example", "PilotService", "Rule"]
