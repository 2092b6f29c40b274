"""``pipebench init``: files that a repository needs to use pipebench."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipebench.cli import no_effect, output
from pipebench.errors import EnvironmentRefusedError, PipebenchError, UsageError
from pipebench.places import not_written, write_whole
from pipebench.reasons import reason

if TYPE_CHECKING:
    from pipebench.templates.choices import Choices
    from pipebench.templates.filling import Forge

app = typer.Typer(help="Files that a repository needs to use pipebench.", no_args_is_help=True)


@app.command("ci")
def ci(
    context: typer.Context,
    forge: Annotated[str, typer.Argument(metavar="github|gitlab", help="Where the repository's CI runs.")],
    folder: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", help="The repository's top.")
    ] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace a template that is there.")] = False,
    runner: Annotated[
        str, typer.Option("--runner", metavar="LABEL", help="Of the machine with GPUs; several with commas.")
    ] = "gpu",
    gpus: Annotated[int, typer.Option("--gpus", "--devices", metavar="N", help="Devices of both jobs.")] = 8,
    run: Annotated[
        str, typer.Option("--run", metavar='"OPTIONS"', help="Further options of run, for both jobs.")
    ] = "",
    sides: Annotated[
        str,
        typer.Option(
            "--sides",
            metavar="requirements|refs",
            help="What base and head differ in: what they require, such as torch, or pipebench itself.",
        ),
    ] = "requirements",
    requirements: Annotated[
        str, typer.Option("--requirements", metavar="FILE", help="Names pipebench and torch.")
    ] = "requirements-pipebench.txt",
    branch: Annotated[
        str, typer.Option("--branch", metavar="NAME", help="The branch whose pushes are measured.")
    ] = "main",
    machines: Annotated[
        int,
        typer.Option(
            "--machines",
            metavar="1|2",
            help="2: one more job, by torchrun on two machines with half of the GPUs each.",
        ),
    ] = 1,
) -> None:
    """Write a hardened CI template: emulated devices on ordinary runners, GPUs on a runner of yours, both with ab.

    pipebench init ci github --runner gpu --gpus 4

    pipebench init ci gitlab --run "--preset tiny --schedule 1f1b"

    pipebench init ci github --machines 2 --gpus 16
    """
    from pipebench.templates.choices import Choices
    from pipebench.templates.filling import forge_of, next_steps, template

    where = forge_of(forge)
    choices = Choices(
        runner=runner,
        gpus=gpus,
        run=run,
        sides=sides,
        requirements=requirements,
        branch=branch,
        machines=machines,
    )
    _check_run(choices)
    no_effect.tell(context)
    path = _write(template(where, choices), where, folder, force=force)
    output.print_text(f"wrote {output.shown(path)}\n\n{next_steps(where, choices, str(folder))}")
    if not (folder / ".git").exists():
        output.notice(f"{folder}: no repository's top; {where.path} takes effect only there")


def _check_run(choices: "Choices") -> None:
    """Refuse options that the jobs' runs would refuse; whether they fit this machine is not asked."""
    from pipebench.ab.sides import Side, SideError, check
    from pipebench.errors import ExitCode

    for device in ("emulated", "cuda"):
        try:
            check(Side("A", "the jobs' run", options=("--device", device, *choices.common.split())))
        except SideError as error:
            if error.exit_code is ExitCode.USAGE:
                job = ", on GPUs" if device == "cuda" else ""
                given = f"--run {choices.run!r}{job}: " if choices.run else ""
                raise UsageError(f"{given}{error.why}") from None


def _write(text: str, forge: "Forge", folder: Path, *, force: bool) -> Path:
    path = folder / forge.path
    if path.is_symlink() or path.exists():
        if path.is_dir() and not path.is_symlink():
            raise UsageError(f"{path}: something else is in the way: a folder")
        if not force:
            raise UsageError(f"{path}: there already; --force replaces it")
    try:
        write_whole(path, text.encode())  # a link is replaced, not what it leads to
    except OSError as error:
        raise _refusal(path, error) from None
    return path


def _refusal(path: Path, error: OSError) -> PipebenchError:
    if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
        return UsageError(f"{path}: something else is in the way: {reason(error)}")
    return EnvironmentRefusedError(not_written(path, error, "name another folder with -o"))
