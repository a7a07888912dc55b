"""`manage.py shell -c CODE` many times at the price of one start: a parent that has imported everything forks.

It reads JSON texts, one a line, and answers each with `[exit code, output, errors]`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from typing import IO, NoReturn


def child(code: str, output: IO[str], errors: IO[str]) -> NoReturn:
    """Never returns to the parent's code."""
    status = 1
    try:
        os.dup2(output.fileno(), 1)
        os.dup2(errors.fileno(), 2)
        exec(code, {"__name__": "__main__"})  # noqa: S102  the test's own
        status = 0
    except BaseException:  # noqa: BLE001  whatever it is, the child ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def run(code: str) -> tuple[int, str, str]:
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        pid = os.fork()
        if pid == 0:
            child(code, output, errors)
        _pid, status = os.waitpid(pid, 0)
        output.seek(0), errors.seek(0)
        return os.waitstatus_to_exitcode(status), output.read(), errors.read()


def main() -> None:
    import django

    django.setup()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        answers.write(json.dumps(run(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    main()
