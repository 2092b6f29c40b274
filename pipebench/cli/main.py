"""From arguments to an exit code: the one place where errors become a line on stderr."""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import typer

from pipebench.cli import ci
from pipebench.cli.app import application
from pipebench.errors import ExitCode, PipebenchError
from pipebench.render.inert import inert


def main() -> NoReturn:
    """The entry point of the installed command."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line; the exit code."""
    if sys.stdout is None or sys.stderr is None:  # closed by the caller
        sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123 - for the rest of the process
        sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123
    command = typer.main.get_command(application(arguments))
    try:
        result = command.main(args=list(arguments), prog_name="pipebench", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrupted", ExitCode.INTERRUPTED)
    except OSError as error:
        return _output_failed(error)
    except SystemExit as ending:  # what typer makes of a broken pipe
        return _output_failed(ending.__context__) if isinstance(ending.__context__, OSError) else ExitCode.BUG
    except Exception as error:  # noqa: BLE001 - whatever is not a user's error is our bug and exits 1
        return _explain(error, arguments)
    return _flushed(result if isinstance(result, int) else ExitCode.DONE)


def _flushed(code: int) -> int:
    """The command's code; nobody who stops reading turns a verdict into a success."""
    try:
        sys.stdout.flush()
    except OSError as error:
        failed = _output_failed(error)
        return code or failed
    return code


def _explain(error: Exception, arguments: Sequence[str]) -> int:
    if isinstance(error, PipebenchError):
        return _complain(str(error), error.exit_code)
    if _is_command_line_error(error):
        if type(error).__name__ == "NoArgsIsHelpError":  # the help was printed, and says it all
            return ExitCode.USAGE
        return _refuse(error, arguments)
    traceback.print_exception(error)
    return _complain("this is a bug in pipebench: please report the lines above", ExitCode.BUG)


def _refuse(error: Exception, arguments: Sequence[str]) -> int:
    """What is wrong with a command line, told where the command's verdict would have been told."""
    context = getattr(error, "ctx", None)
    text = getattr(error, "format_message", error.__str__)()
    if type(error).__name__ == "NoSuchOption" and _takes_run_options(context):
        text = f"{text.rstrip('.')}; options of run come last, after --"
    if arguments and arguments[0] in ci.GATES:
        ci.report_error(text, arguments[0])
    return _complain(text, ExitCode.USAGE)


def _takes_run_options(context: typer.Context | None) -> bool:
    """Whether the command is one that hands options to ``run``."""
    parameters = context.command.params if context is not None else ()
    return any((parameter.metavar or "").startswith("-- ") for parameter in parameters)


def _output_failed(error: OSError) -> int:
    """Whoever reads us has enough (no failure), or the output cannot be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer
    if isinstance(error, BrokenPipeError):
        return ExitCode.DONE
    where = f"{error.filename}: " if error.filename else ""
    return _complain(f"{where}{error.strerror or error}", ExitCode.ENVIRONMENT)


def _complain(text: str, code: int) -> int:
    """One clear line on stderr, whatever the text holds."""
    print(f"pipebench: error: {inert(' '.join(text.split()))}", file=sys.stderr)
    return code


def _is_command_line_error(error: Exception) -> bool:
    """Whether it is one of typer's own: a line for the user, and exit 2."""
    return any(kind.__name__ == "ClickException" for kind in type(error).__mro__)
