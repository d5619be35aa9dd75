from django.urls import path

from ipaas.web.pages import connections

app_name = "catalog"
ONE = "connections/in/<slug:environment>/<slug:slug>/"
urlpatterns = [
    path("connections/", connections.connection_list, name="connection_list"),
    path("connections/new/", connections.connection_choose, name="connection_choose"),
    path("connections/new/<slug:connector>/", connections.connection_new, name="connection_new"),
    path(ONE, connections.connection_detail, name="connection_detail"),
    path(f"{ONE}edit/", connections.connection_edit, name="connection_edit"),
    path(f"{ONE}test/", connections.connection_test, name="connection_test"),
    path(f"{ONE}switch/", connections.connection_switch, name="connection_switch"),
    path(f"{ONE}breaker/", connections.connection_force, name="connection_force"),
    path(f"{ONE}delete/", connections.connection_delete, name="connection_delete"),
]
