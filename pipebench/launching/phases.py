"""The phases of a launch: for progress reports, for injected faults, and in words for a person. Pure."""

from enum import StrEnum


class Phase(StrEnum):
    """What a process of a launch can be doing."""

    DESCRIBING = "describing"
    START = "start"
    LINKS = "links"
    SPEEDS = "speeds"
    LAYERS = "layers"
    ACTIONS = "actions"
    LINK = "link"
    RACE = "race"
    VERIFICATION = "verification"
    WARM_UP = "warm-up"
    TIMED = "timed"

    @property
    def words(self) -> str:
        """The phase in words for a person."""
        return _WORDS[self]


_WORDS = {
    Phase.DESCRIBING: "looking at the layers",
    Phase.START: "starting",
    Phase.LINKS: "measuring the links between ranks",
    Phase.SPEEDS: "measuring the speed of each GPU",
    Phase.LAYERS: "measuring layers",
    Phase.ACTIONS: "measuring actions",
    Phase.LINK: "measuring the link",
    Phase.RACE: "racing baselines",
    Phase.VERIFICATION: "verifying gradients",
    Phase.WARM_UP: "warming up",
    Phase.TIMED: "timing",
}
