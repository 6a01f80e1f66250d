import pytest

from bot.people.memory import Memory
from handlers.people import PeopleUnavailableError


class Source:
    """Answers each question with the key and how often it was asked, or fails while `broken`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.broken = False

    async def ask(self, key: str) -> str:
        """Answer a question."""
        self.asked.append(key)
        if self.broken:
            message = "no answer"
            raise PeopleUnavailableError(message)
        return f"{key}{self.asked.count(key)}"


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the present second."""
        return self.now


async def test_the_keys_not_used_for_longest_are_forgotten() -> None:
    """The memory never holds more keys than allowed, and using one keeps it."""
    source = Source()
    memory = Memory(source.ask, clock=Clock(), ttl=60, stale_for=60, most=2)
    await memory.get("a", fresh=False)
    await memory.get("b", fresh=False)
    await memory.get("a", fresh=False)
    await memory.get("c", fresh=False)
    assert [memory.known(key) for key in "abc"] == ["a1", None, "c1"]


async def test_the_age_of_an_answer_counts_from_the_question() -> None:
    """A slow answer is not younger than its question: what it tells may have changed while it was on its way."""
    clock = Clock()

    async def slowly(key: str) -> str:
        clock.now += 50
        return key

    memory = Memory(slowly, clock=clock, ttl=60, stale_for=60, most=2)
    await memory.get("a", fresh=False)
    clock.now += 9
    assert memory.known("a") == "a"
    clock.now += 1
    assert memory.known("a") is None


async def test_a_failure_leaves_a_good_answer_alone_but_is_not_hidden() -> None:
    """A failed fresh question is told to who asked it, while others read the answer that is still good."""
    source, clock = Source(), Clock()
    memory = Memory(source.ask, clock=clock, ttl=60, stale_for=600, most=2)
    await memory.get("a", fresh=False)
    source.broken = True
    with pytest.raises(PeopleUnavailableError):
        await memory.get("a", fresh=True)
    assert await memory.get("a", fresh=False) == "a1"
    clock.now += 60
    with pytest.raises(PeopleUnavailableError):
        await memory.get("a", fresh=False)
