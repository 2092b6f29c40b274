"""``pipebench init``: files that a repository needs to use pipebench."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipebench.cli import completing, no_effect, output
from pipebench.errors import EnvironmentRefusedError, PipebenchError, UsageError
from pipebench.models.references import is_file, parted
from pipebench.plan.device_kind import DeviceKind
from pipebench.system.places import not_written, write_whole
from pipebench.system.reasons import reason

if TYPE_CHECKING:
    from pipebench.templates.choices import Choices

app = typer.Typer(help="Write files that a repository needs to use pipebench.", no_args_is_help=True)


@app.command("ci")
def ci(
    context: typer.Context,
    forge: Annotated[
        str,
        typer.Argument(
            metavar="github|gitlab",
            help="Where the repository's CI runs.",
            autocompletion=completing.among("github", "gitlab"),
        ),
    ],
    folder: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", help="The top folder of the repository.")
    ] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace a template that is already there.")] = False,
    runner: Annotated[
        str,
        typer.Option(
            "--runner",
            metavar="LABEL",
            help="The label of the runner with GPUs. Separate several labels by commas.",
        ),
    ] = "gpu",
    gpus: Annotated[
        int, typer.Option("--gpus", "--devices", metavar="N", help="How many devices both jobs use.")
    ] = 8,
    run: Annotated[
        str, typer.Option("--run", metavar='"OPTIONS"', help="More options of run, for both jobs.")
    ] = "",
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="FILE.py:NAME",
            help="Your own layers: base and head are two states of this repository. FILE.py lies below the top folder. "
            "package.module:NAME works too.",
        ),
    ] = "",
    sides: Annotated[
        str,
        typer.Option(
            "--sides",
            metavar="requirements|refs",
            help="Without --model: what differs between base and head. requirements (default): the packages that they "
            "require, such as torch. refs: pipebench itself.",
        ),
    ] = "",
    requirements: Annotated[
        str, typer.Option("--requirements", metavar="FILE", help="The file that names pipebench and torch.")
    ] = "requirements-pipebench.txt",
    branch: Annotated[
        str, typer.Option("--branch", metavar="NAME", help="The branch whose pushes are measured.")
    ] = "main",
    machines: Annotated[
        int,
        typer.Option(
            "--machines",
            metavar="1|2",
            help="2: add a job that torchrun runs on two machines, with half of the GPUs on each.",
        ),
    ] = 1,
) -> None:
    """Write a hardened CI template: emulated devices on ordinary runners, and GPUs on your own runner.

    pipebench init ci github --model bench/model.py:build --runner gpu --gpus 4

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
        model=model,
    )
    _check_run(choices, folder)
    no_effect.tell(context)
    path = folder / where.path
    _write(template(where, choices), path, "name another folder with -o", force=force)
    output.print_text(f"wrote {output.shown(path)}\n\n{next_steps(where, choices, str(folder))}")
    if not (folder / ".git").exists():
        output.notice(f"{folder}: no repository's top; {where.path} takes effect only there")


@app.command("model")
def model(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The Python file to write, such as bench/model.py.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is already there.")] = False,
) -> None:
    """Write a small model that runs as it is. Put your own layers into it; each field has a comment.

    pipebench init model bench/model.py
    """
    from pipebench.templates.filling import model_file, model_steps

    if file.suffix != ".py":
        raise UsageError(f"{file}: expected a name that ends with .py, as --model takes it")
    _write(model_file(), file, "name another one", force=force)
    output.print_text(f"wrote {output.shown(file)}\n\n{model_steps(output.typed(file))}")


def _check_run(choices: "Choices", folder: Path) -> None:
    """Refuse options that the jobs' runs would refuse; whether they fit this machine is not asked."""
    from pipebench.ab.sides import Side, SideError, check
    from pipebench.errors import ExitCode

    if choices.model:
        _check_top(folder)
        _check_there(choices, folder)
    for device in (DeviceKind.EMULATED, DeviceKind.CUDA):
        try:
            options = ("--device", device, *choices.common.split())
            check(Side("A", "the jobs' run", options=options, folder=folder if choices.model else None))
        except SideError as error:
            if error.exit_code is ExitCode.USAGE:
                job = ", on GPUs" if device.has_gpu else ""
                given = f"--run {choices.run!r}{job}: " if choices.run else ""
                raise UsageError(f"{given}{error.why}") from None


def _check_top(folder: Path) -> None:
    """Refuse a folder that is not the repository's top: the paths of the template and the model start there."""
    here = folder.resolve()
    top = next((each for each in (here, *here.parents) if (each / ".git").exists()), here)
    if top != here:
        raise UsageError(
            f"{folder}: expected the repository's top, {top}: CI reads the template there, and --model is a path below "
            f"it; go there, or name it with -o"
        )


def _check_there(choices: "Choices", folder: Path) -> None:
    if is_file(parted(choices.model)[0]) and not (folder / choices.model_file).is_file():
        raise UsageError(
            f"--model {choices.model}: there is no {choices.model_file} in {folder.absolute()}: expected a file "
            "below the repository's top; pipebench init model writes one to start from"
        )


def _write(text: str, path: Path, otherwise: str, *, force: bool) -> None:
    if path.is_symlink() or path.exists():
        if path.is_dir() and not path.is_symlink():
            raise UsageError(f"{path}: something else is in the way: a folder")
        if not force:
            raise UsageError(f"{path}: there already; --force replaces it")
    try:
        write_whole(path, text.encode())  # a link is replaced, not what it leads to
    except OSError as error:
        raise _refusal(path, error, otherwise) from None


def _refusal(path: Path, error: OSError, otherwise: str) -> PipebenchError:
    if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
        return UsageError(f"{path}: something else is in the way: {reason(error)}")
    return EnvironmentRefusedError(not_written(path, error, otherwise))
