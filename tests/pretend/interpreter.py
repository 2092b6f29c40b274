"""Stands for an interpreter with a pipebench: writes records out without measuring anything.

PRETEND_RECORD      a file: the record of a run of one launch
PRETEND_LOG         a file that gets a line for each run
PRETEND_SLOWER      a factor on the pipeline's steps, PRETEND_SPREAD their noise, PRETEND_ALONE one on the baseline's
PRETEND_EXIT        ``CODE TEXT`` of every run
PRETEND_OUTPUT      instead of a record
PRETEND_MISSING     there is no pipebench at all
"""

import json
import os
import sys
from pathlib import Path
from random import Random
from typing import NoReturn


def main() -> None:
    arguments = sys.argv[1:]
    assert arguments[0] == "-P"
    if "PRETEND_MISSING" in os.environ:
        sys.exit("ModuleNotFoundError: No module named 'pipebench'")
    if arguments[1] == "-c":
        say("/somewhere/pipebench/__init__.py")
    elif arguments[3:] == ["--version"]:
        say("pipebench 9.9.9")
    elif "--dry-run" in arguments:
        if "--bad" in arguments:
            refuse(2, "Usage: ...\npipebench: error: No such option: --bad")
    else:
        run(arguments)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def refuse(code: int, text: str) -> NoReturn:
    sys.stderr.write(f"{text}\n")
    sys.exit(code)


def run(arguments: list[str]) -> None:
    with Path(os.environ["PRETEND_LOG"]).open("a") as log:
        log.write(" ".join(arguments) + "\n")
    code, _, text = os.environ.get("PRETEND_EXIT", "0").partition(" ")
    if code != "0":
        refuse(int(code), f"pipebench: error: {text}\nkept: 0 of 1 launches")
    if "PRETEND_OUTPUT" in os.environ:
        say(os.environ["PRETEND_OUTPUT"])
        return
    record = json.loads(Path(os.environ["PRETEND_RECORD"]).read_text())
    number = len(Path(os.environ["PRETEND_LOG"]).read_text().splitlines())
    spread = float(os.environ.get("PRETEND_SPREAD", "0.002"))
    factor = float(os.environ.get("PRETEND_SLOWER", "1")) * (1 + Random(number).gauss(0, spread))
    (launch,) = record["launches"]
    launch["pipeline"]["step_s"] = [factor * step for step in launch["pipeline"]["step_s"]]
    alone = float(os.environ.get("PRETEND_ALONE", "1"))
    launch["baseline"]["step_s"] = [alone * step for step in launch["baseline"]["step_s"]]
    if "--schedule" in arguments:
        record["config"]["schedule"] = arguments[arguments.index("--schedule") + 1]
    say(json.dumps(record))


if __name__ == "__main__":
    main()
