"""The templates' jobs, run in a repository with a python3 that makes environments of fakes."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from pipebench.templates.choices import Choices
from pipebench.templates.filling import forge_of, template

# `python3 -m venv FOLDER`: a pip and a torchrun that note what they are given, a pipebench that ends with 3 as well.
FAKE_PYTHON = r"""#!/bin/sh
mkdir -p "$3/bin"
cat > "$3/bin/pip" <<'END'
#!/bin/sh
for last; do :; done
echo "pip $(basename "$(dirname "$(dirname "$0")")") $(cat "$last" 2>/dev/null || echo "$last")" >> "$LOG"
END
cat > "$3/bin/pipebench" <<'END'
#!/bin/sh
echo "$*" >> "$LOG"
[ "$1" = merge ] || exit 3
END
cat > "$3/bin/torchrun" <<'END'
#!/bin/sh
echo "torchrun in $PWD of $(basename "$(dirname "$(dirname "$0")")"): $*" >> "$LOG"
END
chmod +x "$3/bin/pip" "$3/bin/pipebench" "$3/bin/torchrun"
"""
FILE = "requirements-pipebench.txt"


@dataclass
class Repository:
    """Three commits: without the requirements, with torch 1, with torch 2."""

    folder: Path
    commits: list[str]

    def git(self, *arguments: str, **variables: str) -> str:
        names = {
            f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        ended = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env=os.environ | names | variables,
            capture_output=True,
            text=True,
            check=True,
        )
        return ended.stdout.strip()

    def commit(self, text: str | None, **variables: str) -> None:
        if text is not None:
            (self.folder / FILE).write_text(text)
            self.git("add", FILE)
        self.git("commit", "--quiet", "--allow-empty", "--message", "m", **variables)
        self.commits.append(self.git("rev-parse", "HEAD"))


Ran = tuple[int, list[str], str]


def run(repository: Repository, sides: str = "requirements", **said: str) -> Ran:
    """GitHub's job: its exit code, what its fakes noted, its stderr; nothing temporary is left."""
    parsed = yaml.safe_load(template(forge_of("github"), Choices(sides=sides)))
    (step,) = [step for step in parsed["jobs"]["emulated"]["steps"] if "run" in step]
    return _run(repository, step["run"], step["env"] | {"EVENT": "push", "BEFORE": "", "ASKED": ""} | said)


def run_on_machine(repository: Repository, node: int, sides: str) -> Ran:
    """GitHub's job of one of two machines."""
    parsed = yaml.safe_load(template(forge_of("github"), Choices(sides=sides, gpus=4, machines=2)))
    (step,) = [step for step in parsed["jobs"]["machines"]["steps"] if "run" in step]
    told = {
        "EVENT": "push",
        "BEFORE": repository.commits[1],
        "ASKED": "",
        "NODE": str(node),
        "MASTER": "10.0.0.1",
    }
    return _run(repository, step["run"], step["env"] | told)


def run_on_gitlab(repository: Repository, **said: str) -> Ran:
    """GitLab's job, likewise."""
    parsed = yaml.safe_load(template(forge_of("gitlab"), Choices(sides="refs")))
    (script,) = parsed[".pipebench"]["script"]
    predefined = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BEFORE_SHA": "0" * 40}
    return _run(repository, script, parsed["pipebench-emulated"]["variables"] | predefined | said)


def _run(repository: Repository, script: str, told: dict[str, str]) -> Ran:
    temporary = repository.folder.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    log = repository.folder.parent / "log"
    log.unlink(missing_ok=True)
    path = f"{repository.folder.parent / 'fakes'}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=repository.folder,
        env=os.environ | told | {"PATH": path, "TMPDIR": str(temporary), "LOG": str(log)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not list(temporary.iterdir())
    noted = log.read_text().replace(str(temporary), "").splitlines() if log.exists() else []
    return ended.returncode, noted, ended.stderr + ended.stdout


def run_own(repository: Repository, base: str, model: str = "bench/model.py:build") -> Ran:
    """GitHub's job of a model of one's own; GitLab's does the same."""
    choices = Choices(gpus=4, model=model)
    parsed = yaml.safe_load(template(forge_of("github"), choices))
    (step,) = [step for step in parsed["jobs"]["emulated"]["steps"] if "run" in step]
    ran = _run(repository, step["run"], step["env"] | {"EVENT": "push", "BEFORE": base, "ASKED": ""})
    parsed = yaml.safe_load(template(forge_of("gitlab"), choices))
    (script,) = parsed[".pipebench"]["script"]
    told = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BEFORE_SHA": base}
    assert _run(repository, script, parsed["pipebench-emulated"]["variables"] | told)[:2] == ran[:2]
    return ran
