#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks a server the same thing again and again, and counts the answers.

usage: load.py redis|nginx|mosquitto PORT

Ends at the end of stdin and prints "requests N failed M". Every other connection is new.
"""
import http.client
import socket
import struct
import sys
import threading


def receive(connection, wanted):
    """Exactly that many bytes."""
    data = b""
    while len(data) < wanted:
        part = connection.recv(wanted - len(data))
        if not part:
            raise OSError("connection closed")
        data += part
    return data


def ask_redis(connection, number):
    value = b"%d" % number
    connection.sendall(b"SET k%d %s\r\nGET k%d\r\nPING\r\n" % (number % 100, value, number % 100))
    wanted = b"+OK\r\n$%d\r\n%s\r\n+PONG\r\n" % (len(value), value)
    return receive(connection, len(wanted)) == wanted


def mqtt_string(text):
    return struct.pack(">H", len(text)) + text


def mqtt_connect(connection, name):
    body = mqtt_string(b"MQTT") + b"\x04\x02\x00\x3c" + mqtt_string(name)
    connection.sendall(b"\x10" + bytes([len(body)]) + body)
    if receive(connection, 4) != b"\x20\x02\x00\x00":
        raise OSError("no CONNACK")
    body = b"\x00\x01" + mqtt_string(name) + b"\x00"
    connection.sendall(b"\x82" + bytes([len(body)]) + body)
    if receive(connection, 5) != b"\x90\x03\x00\x01\x00":
        raise OSError("no SUBACK")


def ask_mosquitto(connection, number, name):
    packet = mqtt_string(name) + b"%010d" % number
    packet = b"\x30" + bytes([len(packet)]) + packet
    connection.sendall(packet)
    return receive(connection, len(packet)) == packet


class Load:
    """Threads that ask until they are told to stop."""

    def __init__(self, server, port):
        self.server, self.port = server, port
        self.stopping, self.requests, self.failed = threading.Event(), 0, 0
        self.lock = threading.Lock()

    def count(self, good, why=""):
        with self.lock:
            self.requests += 1
            if not good:
                self.failed += 1
                print("failed:", why, file=sys.stderr)

    def ask_many(self, name):
        """Twenty requests over one connection."""
        if self.server == "nginx":
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            for _ in range(20):
                connection.request("GET", "/file")
                answer = connection.getresponse()
                self.count(answer.status == 200 and answer.read() == b"x" * 4096, answer.status)
            return connection.close()
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            if self.server == "mosquitto":
                mqtt_connect(connection, name)
            for number in range(20):
                self.count(ask_mosquitto(connection, number, name) if self.server == "mosquitto"
                           else ask_redis(connection, number), "wrong answer")
        return None

    def run(self, name):
        while not self.stopping.is_set():
            try:
                self.ask_many(name)
            except OSError as error:
                self.count(False, error)


def main(server, port):
    load = Load(server, int(port))
    threads = [threading.Thread(target=load.run, args=(b"load%d" % i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    load.stopping.set()
    for thread in threads:
        thread.join()
    print(f"requests {load.requests} failed {load.failed}")
    return 1 if load.failed or not load.requests else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
