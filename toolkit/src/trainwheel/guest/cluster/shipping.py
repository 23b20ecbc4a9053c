"""Ship the modules of the repository to the workers, and take them away again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from distributed import WorkerPlugin

__all__ = ["worker_plugin"]


def worker_plugin(archive: bytes, digest: str, folders: Sequence[str]) -> Any:
    """Return the plugin that each worker gets, also one that joins later.

    ``archive`` is a zip of modules under their paths in the repository, ``digest`` names the folder
    that it is unpacked in, and modules are imported from ``folders`` in it, the first one first.

    Modules of the same names that the worker knows from an earlier run are forgotten, for a
    cluster may live longer than a training. The class is made here so that it is pickled by value:
    the worker cannot import it before it is shipped.
    """

    class Shipped(WorkerPlugin):  # type: ignore[misc]
        def setup(self, worker: Any) -> None:
            import importlib  # noqa: PLC0415 - all of it, for the class travels alone
            import io  # noqa: PLC0415
            import shutil  # noqa: PLC0415
            import sys  # noqa: PLC0415
            import zipfile  # noqa: PLC0415
            from pathlib import Path  # noqa: PLC0415

            self.base = Path(worker.local_directory, f"trainwheel-{digest[:16]}").resolve()
            shutil.rmtree(self.base, ignore_errors=True)
            with zipfile.ZipFile(io.BytesIO(archive)) as packed:
                packed.extractall(self.base)
            self.places = [str(self.base / folder) for folder in folders]
            sys.path[:0] = [place for place in self.places if place not in sys.path]
            entries = (path.name for place in self.places for path in Path(place).iterdir())
            names = {name.partition(".")[0] for name in entries} - {"__main__"}
            self.forget(lambda name, _: name.partition(".")[0] in names)
            importlib.import_module("trainwheel_cluster.backend").register()

        def teardown(self, worker: Any) -> None:  # noqa: ARG002 - as Dask calls it
            import shutil  # noqa: PLC0415
            import sys  # noqa: PLC0415

            sys.path[:] = [place for place in sys.path if place not in self.places]
            base = str(self.base)
            self.forget(lambda _, file: file.startswith(base))
            shutil.rmtree(self.base, ignore_errors=True)

        def forget(self, is_ours: Callable[[str, str], bool]) -> None:
            import importlib  # noqa: PLC0415
            import sys  # noqa: PLC0415

            for name, module in list(sys.modules.items()):
                if is_ours(name, str(getattr(module, "__file__", None) or "")):
                    del sys.modules[name]
            importlib.invalidate_caches()

    return Shipped()
