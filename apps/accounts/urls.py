"""Sign-in is allauth's."""

from django.urls import include, path

urlpatterns = [path("", include("allauth.account.urls"))]
