"""How dates and numbers are written; see Django's ``FORMAT_MODULE_PATH``."""
