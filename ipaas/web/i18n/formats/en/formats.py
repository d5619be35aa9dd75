"""English: dates as ISO 8601 writes them, because no order of day and month is common to all who read English."""

DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = "Y-m-d H:i:s"
DATE_INPUT_FORMATS = ["%Y-%m-%d"]  # what a browser's date control sends and expects
