import pytest

from pipebench.launching.peers import LostPeerError, recognised

GLOO = "[../third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1234"


@pytest.mark.parametrize("text", [GLOO, "NCCL error in: ProcessGroupNCCL.cpp:77, remote process exited"])
def test_what_a_library_that_carries_messages_says_is_a_lost_peer(text: str) -> None:
    said = RuntimeError(text)
    with pytest.raises(LostPeerError) as lost, recognised():
        raise said
    assert lost.value.told is lost.value.__cause__ is said
    assert str(lost.value) == text


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes do not fit"), ValueError(GLOO), OSError("gloo: no such file")]
)
def test_nothing_else_is(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, recognised():
        raise error
    assert raised.value is error


def test_nothing_may_happen() -> None:
    with recognised():
        pass
