from django.urls import path

from ipaas.web.design import views

urlpatterns = [
    path("", views.design_index, name="design_index"),
    path("<slug:page>/", views.design_page, name="design_page"),
]
