"""What sending a wheel of 1.5 GB takes, beside curl, to a server that throws everything away."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.bench, pytest.mark.integration, pytest.mark.timeout(3600)]

SIZE = 1_500_000_000
ROUNDS = 5
CURL = (shutil.which("curl") or "curl", "-sS", "--noproxy", "*")
NAME = "big_model-1.0-py3-none-any.whl"

# Reads as fast as it can, lists the file once something came, and tells how long the body took.
SINK = """
import http.server, json, sys, time
name, digest = sys.argv[1:]
page = f'<a href="../../files/{name}#sha256={digest}">{name}</a>'.encode()
class Sink(http.server.BaseHTTPRequestHandler):
    listed = False
    buffer = bytearray(1 << 20)
    def do_GET(self):
        self.answer(200 if Sink.listed else 404, page)
    def do_POST(self):
        left, since = int(self.headers["Content-Length"]), time.perf_counter()
        view = memoryview(self.buffer)
        while left > 0:
            left -= self.rfile.readinto(view[:min(left, len(view))])
        print(time.perf_counter() - since, flush=True)
        Sink.listed = True
        self.answer(200, b"")
    def do_DELETE(self):
        Sink.listed = False
        self.answer(200, b"")
    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Sink)
print(server.server_port, flush=True)
server.serve_forever()
"""

PUBLISH = """
import json, resource, sys, time
from pathlib import Path
from trainwheel.system.console import Console
from trainwheel.system.environ import read_environment
from trainwheel.system.secrets import Secret
from trainwheel.index.target import Target
from trainwheel.index.upload import publish
url, wheel = sys.argv[1:]
environment = read_environment()
target = Target("sink", url, url + "simple/", username=Secret("ci"), password=Secret("s3cret"))
since = time.perf_counter()
publish(target, Path(wheel), python=Path(sys.executable), environment=environment,
        console=Console(environment, sys.stderr), log=None)
seconds = time.perf_counter() - since
own = next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM"))
twine = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps({"seconds": seconds, "own": own / 1000, "twine": twine / 1000}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("big") / NAME
    info = "big_model-1.0.dist-info"
    texts = {
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: big-model\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in texts.items():
            archive.writestr(member, text)
        with archive.open("big_model.joblib", "w", force_zip64=True) as stream:
            for _ in range(SIZE // 10_000_000):
                stream.write(os.urandom(10_000_000))
    return path


@contextlib.contextmanager
def serve_sink(wheel: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with wheel.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    argv = (sys.executable, "-c", SINK, wheel.name, digest)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        try:
            yield f"http://127.0.0.1:{port}/", process
        finally:
            process.terminate()


def test_a_large_wheel_is_sent_nearly_as_fast_as_curl_sends_it(wheel: Path) -> None:
    rows: dict[str, list[float]] = {"curl": [], "ours": [], "whole": [], "memory": []}
    with serve_sink(wheel) as (url, sink):
        assert sink.stdout is not None
        for _ in range(ROUNDS):
            form = ("-F", ":action=file_upload", "-F", f"content=@{wheel}")
            subprocess.run((*CURL, "-H", "Expect:", *form, url), check=True)
            rows["curl"].append(float(sink.stdout.readline()))
            subprocess.run((*CURL, "-X", "DELETE", url), check=True)
            argv = (sys.executable, "-c", PUBLISH, url, str(wheel))
            done = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True)
            told = json.loads(done.stdout)
            rows["ours"].append(float(sink.stdout.readline()))
            rows["whole"].append(told["seconds"])
            rows["memory"].append(told["own"] + told["twine"])
            time.sleep(0.2)
            subprocess.run((*CURL, "-X", "DELETE", url), check=True)
    middle = {name: statistics.median(values) for name, values in rows.items()}
    rate = {name: SIZE / 1e6 / middle[name] for name in ("curl", "ours")}
    print(f"\ncurl      {rate['curl']:7.0f} MB/s  {middle['curl']:6.2f} s")
    print(f"ours      {rate['ours']:7.0f} MB/s  {middle['ours']:6.2f} s")
    print(f"ratio     {rate['ours'] / rate['curl']:7.2f}  (at least 0.80)")
    print(
        f"whole run {middle['whole']:7.2f} s with digests, twine's start and the look at the index"
    )
    print(f"memory    {middle['memory']:7.0f} MB, ours and twine's peak together (below 150)")
    assert max(rows["memory"]) < 150
