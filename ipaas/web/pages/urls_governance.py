from django.urls import path

from ipaas.web.pages import domains, reviews

app_name = "governance"
ONE = "reviews/<uuid:review_id>/"
urlpatterns = [
    path("reviews/", reviews.review_list, name="review_list"),
    path(ONE, reviews.review_detail, name="review_detail"),
    path(f"{ONE}decide/", reviews.review_decide, name="review_decide"),
    path(f"{ONE}comment/", reviews.review_comment, name="review_comment"),
    path(f"{ONE}publish/", reviews.review_publish, name="review_publish"),
    path(f"{ONE}withdraw/", reviews.review_withdraw, name="review_withdraw"),
    path("domains/", domains.domain_list, name="domain_list"),
    path("domains/-new/", domains.domain_new, name="domain_new"),
    path("domains/<slug:slug>/", domains.domain_detail, name="domain_detail"),
    path("domains/<slug:slug>/edit/", domains.domain_edit, name="domain_edit"),
    path("domains/<slug:slug>/delete/", domains.domain_delete, name="domain_delete"),
]
