"""How gunicorn runs the service: it reads this file in the folder where it is started."""

import gc
import os

# The model predicts once before the workers fork. GNU OpenMP's threads do not come along, and a
# prediction that waits for them never ends (gcc bug 58378, xgboost#8040): with one thread there is
# nothing to wait for, and workers do not compete. It counts only before numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

wsgi_app = "app:app"
worker_class = "uvicorn_worker.UvicornWorker"
bind = os.environ.get("BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))  # one for each core
preload_app = True  # the model is loaded and checked once, and its memory shared
control_socket_disable = True  # two services of one user would share a path


def when_ready(_: object) -> None:
    """Leave alone what the workers will share: what the collector writes to is copied."""
    gc.freeze()
