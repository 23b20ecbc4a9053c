"""nginx, as the system has it, asking for a password before another server."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from integration.index.default_pypiserver import await_port, free_port, write_htpasswd

# Debian has it where only the system's administrator looks.
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
CONFIGURATION = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    auth_basic "models";
    auth_basic_user_file {folder}/htpasswd;
    location / {{
      proxy_pass {behind};
      proxy_set_header Host $http_host;
      proxy_set_header Authorization "";
    }}
  }}
}}
"""


def require_nginx() -> None:
    """Leave a test out where there is no nginx, but never in CI."""
    if NGINX is None and not os.environ.get("CI"):
        pytest.skip("needs nginx")
    assert NGINX


@contextlib.contextmanager
def serve_nginx(folder: Path, behind: str, logins: Mapping[str, str]) -> Iterator[str]:
    """Yield the address of an nginx before a server.

    Args:
        folder: Gets its files.
        behind: The address of that server, which asks for no password.
        logins: User name → password.
    """
    folder.mkdir()
    port = free_port()
    write_htpasswd(folder / "htpasswd", logins)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=folder, port=port, behind=behind.rstrip("/"))
    )
    argv = (str(NGINX), "-e", f"{folder}/error.log", "-p", str(folder), "-c", str(configuration))
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            await_port(port, process)
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
