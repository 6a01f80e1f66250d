"""The jobs that one transaction orders, started after its commit."""

from collections.abc import Iterator

from handlers.jobs import ADVANCE, Job


class OrderedJobs:
    """The jobs of one transaction, each once, in the order in which they were ordered."""

    def __init__(self) -> None:
        self._jobs: dict[Job, None] = {}

    def add(self, job: Job) -> None:
        """Hand a job over with this transaction."""
        self._jobs[job] = None

    def advance(self, request_id: str) -> None:
        """Hand over the job that looks at a request."""
        self.add(Job(ADVANCE, request_id))

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs)
