from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from portal.access import public

urlpatterns = [path("", public(SpectacularAPIView.as_view()), name="schema")]
