"""A headless Chromium for tests, driven over a pipe by its DevTools protocol. Needs nothing but the browser.

Not thread-safe. Every wait ends after a minute, with an error.
"""

import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

LONGEST_WAIT_S = 60


def find_browser():
    """The path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Browser:
    """Use it in a with statement, which ends the process."""

    def __enter__(self):
        # DevTools reads commands from descriptor 3 and writes answers to 4.
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        theirs = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10) for descriptor in (theirs_in, theirs_out)]
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [find_browser(), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
             "--disable-background-networking", "--disable-dev-shm-usage", "--remote-debugging-pipe",
             f"--user-data-dir={self._profile.name}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(3, 4),
            preexec_fn=lambda: [os.dup2(descriptor, place) for place, descriptor in enumerate(theirs, 3)])
        for descriptor in (theirs_in, theirs_out, *theirs):
            os.close(descriptor)
        self._unread = b""
        self._last_id = 0
        self.events = []
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._out)
        os.close(self._in)
        self._profile.cleanup()

    def call(self, method, session=None, **parameters):
        """The answer to a command. Events that come before it are kept in `events`."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data):]
        while True:
            answer = self._next_message()
            if answer.get("id") != self._last_id:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']['message']}")
            else:
                return answer["result"]

    def wait_for(self, method):
        """Until that event has come, perhaps before."""
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._next_message())

    def _next_message(self):
        deadline = time.monotonic() + LONGEST_WAIT_S
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._in], [], [], max(0, deadline - time.monotonic()))
            data = os.read(self._in, 1 << 20) if ready else b""
            if not data:
                raise RuntimeError("the browser does not answer")
            self._unread += data
        message, self._unread = self._unread.split(b"\0", 1)
        return json.loads(message)


class Page:
    """A file, opened in a tab of its own."""

    def __init__(self, browser, path, width=1280, height=900, dark=False):
        self._browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.events.clear()
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.resize(width, height)
        self.prefer(dark)
        self.call("Page.navigate", url=pathlib.Path(path).resolve().as_uri())
        browser.wait_for("Page.loadEventFired")

    def call(self, method, **parameters):
        return self._browser.call(method, self._session, **parameters)

    def events(self, *methods):
        self.run("0")  # what happened before has been told before the answer
        return [event["params"] for event in self._browser.events if event.get("method") in methods]

    def run(self, expression):
        """The value of a JavaScript expression, a promise's included."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"].get("description", expression))
        return answer["result"].get("value")

    def resize(self, width, height=900):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, dark):
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="", features=[scheme])

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            code = {"Tab": 9, "Enter": 13}.get(key, 0)
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def screenshot(self, path):
        """Of the whole page."""
        self.call("Page.bringToFront")
        self.resize(self.run("innerWidth"), self.run("document.documentElement.scrollHeight"))
        image = self.call("Page.captureScreenshot")
        pathlib.Path(path).write_bytes(base64.b64decode(image["data"]))

    def pdf(self):
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])
