from django.urls import path

from apps.dispatch.classify import api, views

_PAGES = "t/<slug:slug>/classifier/"
_API = "api/v1/t/<slug:slug>/classifier/"

urlpatterns = [
    path(_PAGES, views.overview, name="classifier"),
    path(f"{_PAGES}train/", views.train, name="train_classifier"),
    path(f"{_PAGES}threshold/", views.threshold, name="classifier_threshold"),
    path(f"{_PAGES}versions/<int:number>/activate/", views.activate, name="activate_classifier"),
    path(f"{_PAGES}rules/new/", views.new_rule, name="new_dispatch_rule"),
    path(f"{_PAGES}rules/<uuid:rule_id>/remove/", views.remove_rule, name="remove_dispatch_rule"),
    path(f"{_PAGES}rules/<uuid:rule_id>/up/", views.raise_rule, name="raise_dispatch_rule"),
    path(f"{_PAGES}corrections/new/", views.correct, name="correct_classifier"),
    path(f"{_PAGES}nobody/", views.nobodys, name="nobodys_examples"),
    path(f"{_PAGES}examples/<uuid:example_id>/remove/", views.remove_example, name="remove_example"),
    path("t/<slug:slug>/workloads/<str:key>/examples/", views.examples, name="workload_examples"),
    path(_API.removesuffix("/"), api.classifier, name="api_classifier"),
    path(f"{_API}threshold", api.threshold, name="api_classifier_threshold"),
    path(f"{_API}versions", api.versions, name="api_classifier_versions"),
    path(f"{_API}rules", api.rules, name="api_dispatch_rules"),
    path(f"{_API}rules/<uuid:rule_id>", api.rule, name="api_dispatch_rule"),
    path(f"{_API}examples", api.examples, name="api_examples"),
    path(f"{_API}examples/<uuid:example_id>", api.example, name="api_example"),
    path(f"{_API}corrections", api.corrections, name="api_corrections"),
]
