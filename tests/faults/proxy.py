"""A TCP proxy that breaks the network on command."""

import select
import socket
import struct
import threading
import time

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST, not FIN


class _Pair:
    def __init__(self, client, upstream):
        self.client, self.upstream = client, upstream
        # Both for ever: what was swallowed cannot be sent later.
        self.black = upstream is None
        self.mute = False
        self.reset = False

    def close(self, linger_s=0.0):
        for end in (self.client, self.upstream):
            if end is None:
                continue
            if self.reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            if end is self.upstream and (self.black or self.mute) and not self.reset:
                time.sleep(linger_s)
            end.close()


class Proxy:
    """Forwards 127.0.0.1:port to a target. Modes: pass, blackhole (accept and swallow),
    mute (swallow only what the target says), reset.

    zombie_s: how long the target does not learn that a client left a black or mute connection.
    """

    def __init__(self, target_port, target_host="127.0.0.1", zombie_s=0.0):
        self._target = (target_host, target_port)
        self._zombie_s = zombie_s
        self._mode = "pass"
        self._lock = threading.Lock()
        self._pairs = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.settimeout(0.1)
        self.port = self._listener.getsockname()[1]
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def set_mode(self, mode):
        assert mode in ("pass", "blackhole", "mute", "reset"), mode
        with self._lock:
            self._mode = mode
            for pair in self._pairs:
                pair.black |= mode == "blackhole"
                pair.mute |= mode == "mute"
                pair.reset |= mode == "reset"

    def reset_all(self):
        """Resets what is connected now; new connections pass."""
        with self._lock:
            for pair in self._pairs:
                pair.reset = True
            return len(self._pairs)

    def close(self):
        self._closed = True
        self.reset_all()

    def _accept(self):
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()
        self._listener.close()

    def _serve(self, client):
        upstream = None
        with self._lock:
            mode = self._mode
        if mode in ("pass", "mute"):
            try:
                upstream = socket.create_connection(self._target, timeout=5)
            except OSError:
                mode = "reset"
        pair = _Pair(client, upstream)
        with self._lock:
            # The mode may have changed while it connected.
            pair.black |= self._mode == "blackhole"
            pair.mute |= self._mode == "mute"
            pair.reset = mode == "reset"
            self._pairs.add(pair)
        try:
            self._forward(pair)
        except OSError:
            pair.reset = True
        finally:
            with self._lock:
                self._pairs.discard(pair)
            pair.close(self._zombie_s)

    def _forward(self, pair):
        client, upstream = pair.client, pair.upstream
        for end in (client, upstream):
            if end is not None:
                end.settimeout(5)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ends = [end for end in (client, upstream) if end is not None]
        while not pair.reset:
            # One thread does all with a connection, in short waits: a close() from another thread
            # sends nothing while recv() holds the socket.
            readable, _, _ = select.select(ends, [], [], 0.02)
            for end in readable:
                data = end.recv(65536)
                if not data and not ((pair.black or pair.mute) and end is upstream):
                    return
                if not data:
                    ends.remove(upstream)  # a black hole does not tell of the other side's end
                elif not pair.black and not (pair.mute and end is upstream):
                    (upstream if end is client else client).sendall(data)
