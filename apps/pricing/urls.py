from django.urls import path

from apps.pricing import api, views

_PRICES = "t/<slug:slug>/prices/"
_API = "api/v1/t/<slug:slug>/prices"

urlpatterns = [
    path(_PRICES, views.index, name="prices"),
    path(f"{_PRICES}new/", views.new, name="set_price"),
    path(f"{_PRICES}history/", views.history, name="price_history"),
    path(f"{_PRICES}import/", views.take, name="import_prices"),
    path(f"{_PRICES}export/", views.export, name="export_prices"),
    path(f"{_PRICES}<uuid:price_id>/", views.one, name="price"),
    path(f"{_PRICES}<uuid:price_id>/forget/", views.forget, name="forget_price"),
    path(_API, api.prices, name="api_prices"),
    path(f"{_API}/in-use", api.in_use, name="api_prices_in_use"),
    path(f"{_API}/csv", api.csv_file, name="api_prices_csv"),
    path(f"{_API}/<uuid:price_id>", api.price, name="api_price"),
    path(f"{_API}/<uuid:price_id>/forget", api.forget, name="api_forget_price"),
]
