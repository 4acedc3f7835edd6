"""A Kafka broker in a process of its own: librdkafka's mock cluster, which speaks Kafka's protocol on a TCP port.

It keeps its topic in memory, so it can be stopped for a while (SIGSTOP) and not started anew. Prints its address."""

import sys

from confluent_kafka import Producer

if __name__ == "__main__":
    held = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 2})
    brokers = held.list_topics(sys.argv[1], timeout=30).brokers.values()
    print(",".join(f"{one.host}:{one.port}" for one in brokers), flush=True)
    sys.stdin.read()  # until whoever started it is gone
