"""Once per installation: Kafka's jars are fetched, and its classes kept ready for a quick start."""

import asyncio
import tempfile
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from polepool_local import kafka, processes
from polepool_local.ports import free_ports

PATIENCE = 120.0  # seconds that the broker may take to write its classes down when it stops


async def prepare() -> str:
    """Fetch the jars, and let a broker work a little and write down the classes it needed; says what was done.

    Raises jars.JarMissing, or processes.NotStarted when the broker doesn't run here.
    """
    if kafka.warm_file().exists():
        return "Kafka is ready"
    with tempfile.TemporaryDirectory(prefix="polepool-kafka-", dir=kafka.warm_file().parent) as folder:
        broker = kafka.Broker(Path(folder), *free_ports(2))
        written = broker.folder / "classes"
        process = await kafka.start(broker, write_warm=written)
        try:
            await _work(broker.bootstrap)
        finally:
            await processes.stop(process, patience=PATIENCE)
        if not written.exists():
            return "Kafka is ready, but will start slowly"
        written.replace(kafka.warm_file())
    return "Kafka is ready, and its classes are kept for a quick start"


async def _work(bootstrap: str) -> None:
    """What every broker of ours does all day: a topic, a message in, a group that reads it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("warm", 1, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True) as producer:
        await producer.send_and_wait("warm", b"x", key=b"k")
    consumer = AIOKafkaConsumer("warm", bootstrap_servers=bootstrap, group_id="g", auto_offset_reset="earliest")
    async with asyncio.timeout(30), consumer:
        await consumer.getone()
        await consumer.commit()
