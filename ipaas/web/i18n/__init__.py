"""Languages of the pages: English is the source, the catalogs are ``locale/<language>/LC_MESSAGES/django.po``."""
