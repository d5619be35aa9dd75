"""Commands that work beside the database, in the instance that the environment names."""


def set_up() -> None:
    """Make Django and the log ready, for a command that needs them."""
    import django

    django.setup()
    from ipaas.runtime.lifecycle import begin_logging

    begin_logging()
