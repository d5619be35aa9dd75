from django.urls import path

from ipaas.web.pages import deliveries, endpoints
from ipaas.web.pages import endpoint_subscriptions as subscriptions

app_name = "events"
ONE = "endpoints/in/<slug:environment>/<slug:slug>/"
urlpatterns = [
    path("endpoints/", endpoints.endpoint_list, name="endpoint_list"),
    path("endpoints/new/", endpoints.endpoint_new, name="endpoint_new"),
    path(ONE, endpoints.endpoint_detail, name="endpoint_detail"),
    path(f"{ONE}test/", deliveries.endpoint_test, name="endpoint_test"),
    path(f"{ONE}deliveries/<uuid:delivery_id>/", deliveries.delivery_detail, name="delivery_detail"),
    path(f"{ONE}deliveries/<uuid:delivery_id>/again/", deliveries.delivery_redeliver, name="delivery_redeliver"),
    path(f"{ONE}edit/", endpoints.endpoint_edit, name="endpoint_edit"),
    path(f"{ONE}pause/", endpoints.endpoint_pause, name="endpoint_pause"),
    path(f"{ONE}resume/", endpoints.endpoint_resume, name="endpoint_resume"),
    path(f"{ONE}rotate/", endpoints.endpoint_rotate, name="endpoint_rotate"),
    path(f"{ONE}subscribe/", subscriptions.endpoint_subscribe, name="endpoint_subscribe"),
    path(f"{ONE}unsubscribe/", subscriptions.endpoint_unsubscribe, name="endpoint_unsubscribe"),
    path(f"{ONE}check/", subscriptions.endpoint_check, name="endpoint_check"),
    path(f"{ONE}delete/", endpoints.endpoint_delete, name="endpoint_delete"),
]
