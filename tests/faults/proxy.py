"""A TCP proxy that breaks the network on command."""

import select
import socket
import struct
import threading
import time

RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST, not FIN


class _Requests:
    """What a Postgres client says, as far as needed to see where it asks for a commit.

    https://www.postgresql.org/docs/current/protocol-message-formats.html
    """

    _ENCRYPTION = (80877103, 80877104)  # asked for, and refused, before the start-up packet

    def __init__(self):
        self._rest = b""
        self._started = self._executed = self._in_transaction = False

    def ask_for_commit(self, data):
        """Takes the next bytes; whether the last message in them is to be answered by a commit."""
        self._rest += data
        asks = False
        while True:
            head, least = (1, 5) if self._started else (0, 8)
            if len(self._rest) < least:
                return asks
            length = head + int.from_bytes(self._rest[head:head + 4], "big")
            if len(self._rest) < length:
                return asks
            message, self._rest = self._rest[:length], self._rest[length:]
            asks = self._is_commit(message)

    def _is_commit(self, message):
        if not self._started:
            self._started = int.from_bytes(message[4:8], "big") not in self._ENCRYPTION
            return False
        kind, text = message[:1], message[5:]
        if kind == b"Q":
            ends = text == b"COMMIT\0"
            self._in_transaction = text == b"BEGIN\0"
            return ends
        if kind == b"E":
            self._executed = True
        if kind == b"S":
            executed, self._executed = self._executed, False
            return executed and not self._in_transaction
        return kind == b"c"  # the end of COPY


class _Cut:
    """The answer to a commit is to end after some bytes."""

    def __init__(self, after):
        self.after = after
        self.answer = b""
        self.done = threading.Event()

    def take(self, data):
        """What of the data may pass."""
        so_far = len(self.answer)
        self.answer += data
        return data[:max(0, self.after - so_far)]

    def is_over(self):
        # ReadyForQuery ends an answer: only then the commit is over on the server.
        return self.answer[-6:-1] == b"Z\0\0\0\5"


class _Pair:
    def __init__(self, client, upstream):
        self.client, self.upstream = client, upstream
        self.requests = _Requests()
        self.cut = None
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
        self._cut = None
        self._silent_at = None
        self._reset_at = None
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

    def cut_answer(self, after, within_s=10.0):
        """The next answer to a commit, of whatever connection, is cut after that many bytes.

        Returns the answer the server gave.
        """
        cut = _Cut(after)
        with self._lock:
            self._cut = cut
        if not cut.done.wait(within_s):
            with self._lock:
                self._cut = None
            raise TimeoutError(f"no commit was answered: {cut.answer!r}")
        return cut.answer

    def silent_at(self, request):
        """From now on a connection that sends these bytes hears nothing more, nor does the target."""
        with self._lock:
            self._silent_at = request

    def reset_once_at(self, request):
        """The next connection that sends these bytes is reset instead; the target sees none."""
        with self._lock:
            self._reset_at = request

    def was_reset(self):
        with self._lock:
            return self._reset_at is None

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
                    if self._pass_on(pair, end, data):
                        return

    def _pass_on(self, pair, end, data):
        """Returns whether the connection is to end here."""
        if end is pair.client:
            if self._silent_at is not None and self._silent_at in data:
                pair.black = True
                return False
            with self._lock:
                if self._reset_at is not None and self._reset_at in data:
                    self._reset_at = None
                    pair.reset = True
                    return True
            if pair.requests.ask_for_commit(data):
                with self._lock:
                    pair.cut, self._cut = self._cut, None
            pair.upstream.sendall(data)
            return False
        if pair.cut is None:
            pair.client.sendall(data)
            return False
        pair.client.sendall(pair.cut.take(data))
        if pair.cut.is_over():
            pair.cut.done.set()
            return True
        return False
