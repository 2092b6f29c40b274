"""From arguments to an exit code: the one place where errors become a line on stderr."""

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import typer

from pipebench.cli import ci, output
from pipebench.cli.app import application
from pipebench.errors import ExitCode, PipebenchError
from pipebench.system import reasons
from pipebench.system.names import as_text


def main() -> NoReturn:
    """The entry point of the installed command."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line; the exit code."""
    output.open_streams()
    seeks_a_shell = not _SHELL_OPTIONS.isdisjoint(arguments)
    command = typer.main.get_command(application(arguments))
    try:
        result = command.main(args=list(arguments), prog_name="pipebench", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrupted", ExitCode.INTERRUPTED)
    except OSError as error:
        result = ExitCode.BUG if seeks_a_shell and error.errno is None else _output_failed(error)
    except SystemExit as ending:
        result = _ended_by_typer(ending)
    except Exception as error:  # noqa: BLE001 - whatever is not a user's error is our bug and exits 1
        return _explain(error, arguments)
    if result == ExitCode.BUG and seeks_a_shell:
        return _complain(f"{arguments[0]}: {_NO_SHELL}", ExitCode.USAGE)
    return _told(result if isinstance(result, int) else ExitCode.DONE)


def _ended_by_typer(ending: SystemExit) -> int:
    """The exit code after typer has ended the program: a pipe was broken, or a shell's completion was answered."""
    before = ending.__context__
    if isinstance(before, OSError) and before.errno is not None:  # it has none where no shell was found
        return _output_failed(before)
    return ending.code if isinstance(ending.code, int) else ExitCode.BUG


_SHELL_OPTIONS = frozenset({"--install-completion", "--show-completion"})
_NO_SHELL = "expected to be started in bash, zsh, fish or PowerShell, found none of them; start it in one"


def _told(code: int) -> int:
    """The command's exit code. If output was lost and the code was 0, the code for that."""
    lost = output.lost()
    if lost is None:
        return code
    failed = _output_failed(lost)
    return code or failed


def _explain(error: Exception, arguments: Sequence[str]) -> int:
    """Print the error, and tell CI of it where a verdict was due; the exit code."""
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
    metavars = {parameter.metavar for parameter in context.command.params} if context is not None else set()
    if type(error).__name__ != "NoSuchOption":
        return text
    if "-- COMMAND" in metavars:
        return f"{text.rstrip('.')}; the command and its options come last, after --"
    if "-- RUN OPTIONS" in metavars and _of_run(getattr(error, "option_name", "")):
        return f"{text.rstrip('.')}; it is one of run's, which come last, after --"
    return text


def _of_run(option: str) -> bool:
    """Whether ``run`` has an option of this name."""
    group = typer.main.get_command(application(["run"]))
    assert isinstance(group, typer.core.TyperGroup)
    return any(option in parameter.opts for parameter in group.commands["run"].params)


def _output_failed(error: OSError) -> int:
    """The exit code when output failed: 0 if the reader has left, else 7 with a line that says why."""
    output.discard(sys.stdout)
    if isinstance(error, BrokenPipeError):
        return ExitCode.DONE
    why = reasons.reason(error)
    if error.filename:
        name = (
            as_text(os.fsdecode(error.filename))
            if isinstance(error.filename, str | bytes)
            else error.filename
        )
        return _complain(f"{name}: cannot be used: {why}", ExitCode.ENVIRONMENT)
    if error.errno in _OF_A_STREAM:
        remedy = reasons.help_for(error, "send it elsewhere")
        return _complain(f"stdout: cannot be written: {why}; {remedy}", ExitCode.ENVIRONMENT)
    return _complain(f"the system refuses: {why}", ExitCode.ENVIRONMENT)


_OF_A_STREAM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.EROFS}


def _complain(text: str, code: int) -> int:
    """One clear line on stderr, whatever the text holds."""
    output.complain(text)
    return code


def _is_command_line_error(error: Exception) -> bool:
    """Whether it is one of typer's own: a line for the user, and exit 2."""
    return any(kind.__name__ == "ClickException" for kind in type(error).__mro__)
