#!/usr/bin/env python
"""Django's command line. An unreachable store ends it with one clear line, not with a stack trace."""

import os
import sys


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line
    from django.db.utils import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        from config.stores import database_address

        reason = str(error).strip().splitlines()[0]
        sys.stderr.write(f"Cannot use the database at {database_address()}: {reason}. Check DATABASE_URL.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
