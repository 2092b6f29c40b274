"""From arguments to an exit code: the one place where errors become a line on stderr."""

import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import typer

from pipebench.cli import ci, output
from pipebench.cli.app import application
from pipebench.errors import ExitCode, PipebenchError


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
    return _told(result if isinstance(result, int) else ExitCode.DONE)


def _told(code: int) -> int:
    """The command's code; nobody who stops reading turns a verdict into a success."""
    lost = output.lost()
    if lost is None:
        return code
    failed = _output_failed(lost)
    return code or failed


def _explain(error: Exception, arguments: Sequence[str]) -> int:
    """Say what is wrong, also where the command's verdict would have been told."""
    if isinstance(error, PipebenchError):
        text, code = str(error), error.exit_code
    elif _is_command_line_error(error):
        if type(error).__name__ == "NoArgsIsHelpError":  # the help was printed, and says it all
            return ExitCode.USAGE
        text, code = _usage(error), ExitCode.USAGE
    else:
        traceback.print_exception(error)
        text, code = "this is a bug in pipebench: please report the lines above", ExitCode.BUG
    if arguments and arguments[0] in ci.GATES:
        ci.report_error(text, arguments[0])
    return _complain(text, code)


def _usage(error: Exception) -> str:
    """What is wrong with a command line."""
    text: str = getattr(error, "format_message", error.__str__)()
    context = getattr(error, "ctx", None)
    handed_on = context is not None and any(
        (parameter.metavar or "").startswith("-- ") for parameter in context.command.params
    )
    if type(error).__name__ == "NoSuchOption" and handed_on and _of_run(getattr(error, "option_name", "")):
        return f"{text.rstrip('.')}; it is one of run's, which come last, after --"
    return text


def _of_run(option: str) -> bool:
    """Whether ``run`` has an option of this name."""
    group = typer.main.get_command(application(["run"]))
    assert isinstance(group, typer.core.TyperGroup)
    return any(option in parameter.opts for parameter in group.commands["run"].params)


def _output_failed(error: OSError) -> int:
    """Whoever reads us has enough (no failure), or the output cannot be written."""
    output.discard(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return ExitCode.DONE
    where = f"{error.filename}: " if error.filename else ""
    return _complain(f"{where}{error.strerror or error}", ExitCode.ENVIRONMENT)


def _complain(text: str, code: int) -> int:
    """One clear line on stderr, whatever the text holds; a command in it can be pasted as it is."""
    output.notice(f"pipebench: error: {' '.join(line.strip() for line in text.splitlines() if line.strip())}")
    return code


def _is_command_line_error(error: Exception) -> bool:
    """Whether it is one of typer's own: a line for the user, and exit 2."""
    return any(kind.__name__ == "ClickException" for kind in type(error).__mro__)
