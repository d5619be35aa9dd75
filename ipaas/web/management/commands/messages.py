"""``manage.py messages``: bring the message catalogs up to date with the marked words."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ipaas.web.i18n.catalog import faults, gathered, merged, po_files


class Command(BaseCommand):
    help = "Write new messages of pages and code into locale/*/LC_MESSAGES/django.po, and drop those nobody says."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only say what is stale, missing or does not fit")

    def handle(self, *_args: Any, check: bool, **_options: Any) -> None:
        template = gathered()
        wrong = 0
        for language, path in po_files().items():
            if not check:
                path.write_bytes(merged(path, template))
            for fault in faults(path, template):
                wrong += 1
                self.stdout.write(f"{language}: {fault}")
        if wrong and check:
            message = f"{wrong} faults: run manage.py messages, then translate what is empty."
            raise CommandError(message)
