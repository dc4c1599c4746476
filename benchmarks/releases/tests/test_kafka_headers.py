import pytest
from confluent_kafka import Producer

SETTINGS = {"bootstrap.servers": "127.0.0.1:1", "queue.buffering.max.messages": 1, "log_level": 0}
PRODUCER = Producer(SETTINGS)
PRODUCER.produce("orders", b"first")


def test_a_full_queue_refuses():
    with pytest.raises(BufferError):
        PRODUCER.produce("orders", b"second", headers={"id": b"7" * 100})
