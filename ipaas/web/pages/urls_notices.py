from django.urls import path

from ipaas.web.pages import webhooks

app_name = "notices"
ONE = "webhooks/to/<slug:slug>/"
urlpatterns = [
    path("webhooks/", webhooks.webhook_list, name="webhook_list"),
    path("webhooks/new/", webhooks.webhook_new, name="webhook_new"),
    path("webhooks/events/", webhooks.event_type_list, name="event_types"),
    path(ONE, webhooks.webhook_detail, name="webhook_detail"),
    path(f"{ONE}edit/", webhooks.webhook_edit, name="webhook_edit"),
    path(f"{ONE}pause/", webhooks.webhook_pause, name="webhook_pause"),
    path(f"{ONE}resume/", webhooks.webhook_resume, name="webhook_resume"),
    path(f"{ONE}rotate/", webhooks.webhook_rotate, name="webhook_rotate"),
    path(f"{ONE}delete/", webhooks.webhook_delete, name="webhook_delete"),
    path(f"{ONE}test/", webhooks.webhook_test, name="webhook_test"),
    path(f"{ONE}redeliver/", webhooks.webhook_redeliver, name="webhook_redeliver"),
    path(f"{ONE}deliveries/<uuid:delivery_id>/", webhooks.delivery_detail, name="delivery_detail"),
    path(f"{ONE}deliveries/<uuid:delivery_id>/redeliver/", webhooks.delivery_redeliver, name="delivery_redeliver"),
]
