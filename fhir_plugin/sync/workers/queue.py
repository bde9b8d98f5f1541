"""A run shared by workers anywhere: its pieces are jobs in PostgreSQL, beside the journal.

The queue is Procrastinate (https://procrastinate.readthedocs.io).
What a job holds of people is sealed with the journal's key. A job whose worker died is done again by another: what was
written already is seen in the EHR and left alone, as after any crash.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from fhir_plugin.ehr.client import FhirClient
from fhir_plugin.errors import EhrError, UsageError
from fhir_plugin.model.identity import Ref
from fhir_plugin.sync.journals.journal import Journal, Step
from fhir_plugin.sync.journals.vault import Vault
from fhir_plugin.sync.records.findings import Findings
from fhir_plugin.sync.records.storage import Storage
from fhir_plugin.sync.workers.shares import Lines, Share
from fhir_plugin.sync.workers.sizes import GROUP

if TYPE_CHECKING:
    from procrastinate import App

__all__ = ["Queue", "open_queue"]

_TASK = "steunfiguren.sync.apply"
_HEARTBEAT = 2.0
_STALLED = 10.0
"""Seconds without a heartbeat after which a worker counts as dead. One that was only slow does no harm: the clients it
holds are locked, and what it wrote is seen."""
_POLL = 0.5
_ATTEMPTS = 4


@dataclass(slots=True, kw_only=True)
class Queue:
    """The jobs for one EHR.

    Attributes:
        app: for what is asked and put; open.
        worker: for rounds of work, each of which opens and closes it.
        url: of the PostgreSQL database.
        ehr: base URL of the EHR.
        vault: with the journal's key.
        client: gives a client of that EHR; no job can name another.
    """

    app: App
    worker: App
    url: str
    ehr: str
    vault: Vault
    client: Callable[[], FhirClient]
    sleep: Callable[[float], None] = time.sleep
    done: int = 0
    _shares: dict[int, Callable[[Lines], list[Step]]] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)
    _stopping: bool = False
    _interrupt: Callable[[], object] = lambda: None

    @property
    def name(self) -> str:
        """Name of the queue: one per EHR."""
        return f"ehr-{hashlib.blake2b(self.ehr.encode(), digest_size=8).hexdigest()}"

    def put(
        self,
        pieces: Iterator[Lines],
        *,
        run: int,
        source: str,
        author: Ref,
        found: Findings | None = None,
        group: int = GROUP,
    ) -> int:
        """Make a job of each piece of a plan; how many there are.

        Args:
            pieces: of the plan.
            run: its number.
            source: name of the source.
            author: who enters the changes.
            found: findings of the write probe, so that every worker writes in one way, wherever it runs.
            group: clients per Bundle.
        """
        count = 0
        by = {"author": author.reference, "display": author.display}
        about = {**by, "source": source, "group": group, "found": asdict(found or Findings.none())}
        for piece in pieces:
            job = self.vault.seal({**about, "lines": [line.decode() for line in piece]})
            self.app.configure_task(_TASK, queue=self.name).defer(run=run, sealed=base64.b64encode(job).decode())
            count += 1
        return count

    def work(self, *, until: Callable[[], bool], progress: Callable[[], None] = lambda: None) -> None:
        """Do jobs, this EHR's only, one after another, until told to stop.

        Args:
            until: asked whenever there is no job left to take.
            progress: called after each round.
        """
        self._register()
        while True:
            asyncio.run(self._round())
            progress()
            if self._stopping or until():
                return
            self.sleep(_POLL)

    def stop(self) -> None:
        """Finish the job at hand and take no other; may be called from a signal handler."""
        self._stopping = True
        self._interrupt()

    def watch(self, *, until: Callable[[], bool], progress: Callable[[], None] = lambda: None) -> None:
        """Leave the jobs to workers elsewhere, and wait."""
        while not until():
            asyncio.run(self._rescue_alone())
            progress()
            self.sleep(_POLL)

    def left(self, run: int) -> int:
        """Jobs of a run that are waiting or being done."""
        return self._count(run, "todo", "doing")

    def failed(self, run: int) -> int:
        """Jobs of a run that were given up: the EHR did not answer time after time."""
        return self._count(run, "failed")

    def _count(self, run: int, *states: str) -> int:
        """Counted by the database: asked for as jobs, every piece of the plan would come along each time."""
        found = self.app.connector.get_sync_connector().execute_query_one(
            "SELECT count(*) AS jobs FROM procrastinate_jobs "
            "WHERE queue_name = %(queue)s AND status::text = ANY(%(states)s) AND (args->>'run')::bigint = %(run)s",
            queue=self.name,
            states=list(states),
            run=run,
        )
        return int(found["jobs"])

    def close(self) -> None:
        """Let go of what was opened for jobs."""
        self._open.close()

    def _register(self) -> None:
        from procrastinate import RetryStrategy

        retry = RetryStrategy(max_attempts=_ATTEMPTS, exponential_wait=4, retry_exceptions={EhrError})
        self.worker.task(name=_TASK, queue=self.name, retry=retry)(self._apply)

    def _apply(self, run: int, sealed: str) -> None:
        """One job."""
        job = self.vault.open(base64.b64decode(sealed))
        if run not in self._shares:
            share = Share(
                client=self.client,
                storage=Storage(database=self.url, found=Findings(**job["found"])),
                source=str(job["source"]),
                author=Ref(reference=str(job["author"]), display=str(job["display"])),
                run=run,
                group=int(job["group"]),
            )
            self._shares[run] = self._open.enter_context(share())
        self._shares[run]([line.encode() for line in job["lines"]])
        self.done += 1

    async def _round(self) -> None:
        async with self.worker.open_async():
            await self._rescue()
            options: dict[str, Any] = {"update_heartbeat_interval": _HEARTBEAT, "stalled_worker_timeout": _STALLED}
            options |= {"wait": False, "listen_notify": False, "install_signal_handlers": False}
            task = asyncio.create_task(
                self.worker.run_worker_async(queues=[self.name], concurrency=1, delete_jobs="successful", **options)
            )
            self._interrupt = partial(asyncio.get_running_loop().call_soon_threadsafe, task.cancel)
            if self._stopping:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self._interrupt = lambda: None

    async def _rescue_alone(self) -> None:
        async with self.worker.open_async():
            await self._rescue()

    async def _rescue(self) -> None:
        """Put back what a dead worker was doing."""
        from procrastinate.exceptions import ConnectorException

        jobs = self.worker.job_manager
        for job in await jobs.get_stalled_jobs(queue=self.name, seconds_since_heartbeat=_STALLED):
            with suppress(ConnectorException):  # another put it back in the same moment; what else is wrong shows again
                await jobs.retry_job(job)


@contextmanager
def open_queue(url: str, ehr: str, journal: Journal, client: Callable[[], FhirClient]) -> Iterator[Queue]:
    """The queue of an EHR in a database; its tables are made at the first use.

    Raises:
        UsageError: Procrastinate is not installed.
    """
    try:
        from procrastinate import App, PsycopgConnector
    except ImportError:
        raise UsageError(
            "Workers need Procrastinate.", code="sync-database", remedy="Install steunfiguren[postgres]."
        ) from None
    app, worker = (App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=4)) for _ in range(2))
    with app.open():
        with journal.making_tables():
            if not app.check_connection():
                app.schema_manager.apply_schema()
        queue = Queue(app=app, worker=worker, url=url, ehr=ehr, vault=journal.vault, client=client)
        try:
            yield queue
        finally:
            queue.close()
