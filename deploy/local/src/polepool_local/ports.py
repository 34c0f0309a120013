"""Free TCP ports of the loopback interface."""

import random
import socket

HOST = "127.0.0.1"
# Below the range that systems lend to outgoing connections: a client that retries against a stopped server could
# otherwise be lent that server's port, connect to itself, and keep the server from starting again.
RANGE = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Choose this many different ports that nobody listens on."""
    chosen: list[int] = []
    for port in random.sample(RANGE, len(RANGE)):
        if len(chosen) == count:
            break
        if is_free(port):
            chosen.append(port)
    return chosen
