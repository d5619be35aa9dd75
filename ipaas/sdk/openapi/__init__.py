"""An OpenAPI or Swagger document becomes a connector's manifest; nothing is fetched and nothing is guessed silently.

``import_openapi`` gives the manifest (the same document that a connector folder holds) and a list of findings: all that
the document says and the manifest can not, or that was understood in one of several ways.
"""

from ipaas.sdk.openapi.importing import Imported, import_openapi
from ipaas.sdk.openapi.reading import OpenApiUnreadable

__all__ = ["Imported", "OpenApiUnreadable", "import_openapi"]
