"""The templates with their blanks filled in, as a forge reads them."""

from typing import Any

import yaml

from pipebench.templates.choices import Choices
from pipebench.templates.filling import forge_of, template

CHOSEN = Choices(runner="self-hosted,a100", gpus=4, run="--preset tiny")
OWN = Choices(gpus=4, model="bench/model.py:build")


def workflow(choices: Choices = CHOSEN) -> dict[Any, Any]:
    parsed: dict[Any, Any] = yaml.safe_load(template(forge_of("github"), choices))
    return parsed


def pipeline(choices: Choices = CHOSEN) -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load(template(forge_of("gitlab"), choices))
    return parsed


def steps(job: dict[str, Any], key: str) -> list[dict[str, Any]]:
    return [step for step in job["steps"] if key in step]
