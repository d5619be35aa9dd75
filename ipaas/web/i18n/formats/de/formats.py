"""German."""

DATE_FORMAT = "d.m.Y"
DATETIME_FORMAT = "d.m.Y H:i:s"
DATE_INPUT_FORMATS = ["%Y-%m-%d", "%d.%m.%Y"]  # the first is what a browser's date control sends and expects
