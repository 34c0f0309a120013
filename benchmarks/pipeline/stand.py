"""What a measurement runs on: PostgreSQL and Kafka of the benchmark's own, started in a folder that goes away."""

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks.pipeline import children
from benchmarks.pipeline.children import Child, Spec, cpu_seconds
from benchmarks.pipeline.payload import SERVICE
from benchmarks.pipeline.service import MIGRATIONS
from chassis.db import Pool, open_pool
from chassis.settings import DatabaseSettings
from chassis.testing import Parts, fresh_database, fresh_topics
from polepool_local import kafka, postgres, reaper
from polepool_local.ports import free_ports
from polepool_local.processes import Process

PARTITIONS = 3


@dataclass(frozen=True, slots=True)
class Stand:
    """The parts at work, and how much to measure."""

    folder: Path
    parts: Parts
    postgres: Process
    kafka: Process
    seed: int
    quick: bool
    say: Callable[[str], None]

    def size(self, full: int, quick: int) -> int:
        """How many, in this run."""
        return quick if self.quick else full

    async def topic(self) -> str:
        """A new, empty topic."""
        name = f"polepool.{SERVICE}.members-{secrets.token_hex(4)}"
        await fresh_topics(self.parts, name, partitions=PARTITIONS)
        return name

    async def database(self) -> DatabaseSettings:
        """A new database with the tables of a service and those of the benchmark."""
        return await fresh_database(self.parts, SERVICE, {SERVICE: MIGRATIONS})

    def spec(self, topic: str, count: int) -> Spec:
        """What to tell a peer."""
        return Spec(self.parts.kafka_bootstrap, topic, count, self.seed)

    def service(self, role: str, database: DatabaseSettings, topic: str) -> Child:
        """Start a process of the benchmark's service."""
        environment = {
            "POLEPOOL_BENCH_TOPIC": topic,
            "POLEPOOL_DATABASE__URL": database.url.get_secret_value(),
            **environment_of(self.parts),
        }
        return children.start(self.folder, "benchmarks.pipeline.service", role, environment=environment)

    def servers_cpu(self) -> tuple[float, float]:
        """Seconds of processor that PostgreSQL and Kafka used until now."""
        return cpu_seconds(self.postgres.pid), cpu_seconds(self.kafka.pid)


def environment_of(parts: Parts) -> dict[str, str]:
    """What any service needs besides its database."""
    return {
        "POLEPOOL_KAFKA__BOOTSTRAP_SERVERS": parts.kafka_bootstrap,
        "POLEPOOL_HTTP__PORT": "0",
        "POLEPOOL_ACCESS__ISSUER": "https://issuer.test",
        "POLEPOOL_ACCESS__JWKS_URL": "http://127.0.0.1:9/never-asked",
    }


@asynccontextmanager
async def opened(database: DatabaseSettings) -> AsyncIterator[Pool]:
    """A pool, for as long as it is needed."""
    pool = await open_pool(database)
    try:
        yield pool
    finally:
        pool.terminate()


@asynccontextmanager
async def stand(seed: int, quick: bool, say: Callable[[str], None]) -> AsyncIterator[Stand]:
    """Start the parts as operators get them (commits are durable); stop and remove them at the end."""
    folder = Path(tempfile.mkdtemp(prefix="polepool-bench-"))
    reaper.tie(folder)
    port, broker_port, controller_port = free_ports(3)
    server = postgres.Server(folder / "postgres", port, secrets.token_urlsafe(16))
    broker = kafka.Broker(folder / "kafka", broker_port, controller_port)
    say("starting PostgreSQL and Kafka")
    database = await _timekeeping(server)
    try:
        running = await kafka.start(broker)
        try:
            yield Stand(folder, Parts(server.admin_url, broker.bootstrap), database, running, seed, quick, say)
        finally:
            await kafka.stop(running)
    finally:
        await postgres.stop(database)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _timekeeping(server: postgres.Server) -> Process:
    """A server that notes when each transaction was committed: that is what latency is measured by."""
    first = await postgres.start(server)
    connection = await asyncpg.connect(server.admin_url)
    await connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    await connection.close()
    await postgres.stop(first)
    return await postgres.start(server)
