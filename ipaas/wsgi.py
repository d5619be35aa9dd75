"""WSGI entry point of the pages and the API."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ipaas.settings")
application = get_wsgi_application()
