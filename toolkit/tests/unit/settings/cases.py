"""Values of keys that can be used, and others: for the parser and for the JSON schema."""

from __future__ import annotations

SMALLEST = '[tool.trainwheel]\npackage = "oncology_model"\ntrain.command = "python train.py"\n'

GOOD: list[tuple[str, str, object]] = [
    ('source = "src"', "source", "src"), ('source = "."', "source", "."),
    ('source = "./src/"', "source", "src"), ('artefact = "model.onnx"', "artefact", "model.onnx"),
    ('predict = "other.entry:Model.predict"', "predict", "other.entry:Model.predict"),
    ('data = ["a.csv", "b/c"]', "data", ("a.csv", "b/c")),
    ('inputs = ["params.yaml"]', "inputs", ("params.yaml",)), ("tolerance = 0", "tolerance", 0.0),
    ("tolerance = 0.5", "tolerance", 0.5), ('sync.pins = "locked"', "pins", "locked"),
    ('version.release = "always"', "release", "always"),
    ("version.build-number-offset = -3", "build_number_offset", -3),
    ('sync.extras = { gpu = "cuda" }', "extras", {"gpu": "cuda"}),
    ('system-tests = "checks"', "system_tests", "checks"),
    ('train.engine = "dask"', "engine", "dask"),
    ('train.dask.scheduler = "tls://a-b.example:1"', "dask_scheduler", "tls://a-b.example:1"),
    ('train.dask.scheduler = "tcp://[::1]:8786"', "dask_scheduler", "tcp://[::1]:8786"),
    ('train.dask.key-file = "/keys/a.pem"', "dask_key_file", "/keys/a.pem"),
    ('train.dask.time-limit = "3 d"', "dask_time_limit", 259_200.0),
    ('data.paths = ["a.csv"]', "data", ("a.csv",)), ("data = []", "data", ()),
    ("data.max-row-change = 0", "data_max_row_change", 0.0), ("train.threads = 0", "threads", 0),
    ("report.show-rows = true", "show_rows", True),
    ('cache.limit = "1.5MB"', "cache_limit", 1_500_000),
    ('cache.limit = " 0 "', "cache_limit", 0), ("cache.limit = 0", "cache_limit", 0),
    ('secrets.data = ["KEY"]', "data_secrets", ("KEY",)), ('predict = "a:b"', "predict", "a:b"),
]  # fmt: skip

WRONG: list[tuple[str, str]] = [
    ('package = "model"', "a name other than 'model', under which two model wheels"),
    ('package = "oncology-model"', "an import name such as oncology_model"),
    ('package = "1st"', "an import name such as oncology_model"),
    ('package = "größe"', "an import name such as oncology_model"),
    ('package = "a..b"', "an import name such as oncology_model"),
    ('package = ""', "an import name such as oncology_model"),
    ("package = 1", "an import name such as oncology_model"),
    ('train.command = ""', "a text that is not empty"),
    ('train.command = "  "', "a text that is not empty"),
    ('train.command = ["python"]', "a text that is not empty"),
    ('train.command = "python \'t.py"', "a command whose quotation marks are all closed"),
    ("train.command = \"''\"", "a command whose quotation marks are all closed, and"),
    ("data.command = 'fetch \"{folder}'", "a command whose quotation marks are all closed"),
    ("data.version-command = 'a\\'", "a command whose quotation marks are all closed"),
    ('predict = "predict"', "MODULE:FUNCTION"), ('predict = "a:b:c"', "MODULE:FUNCTION"),
    ("predict = 3", "MODULE:FUNCTION"),
    ('source = "/srv/model"', "a path inside the repository, with forward slashes"),
    ('source = "../model"', "a path inside the repository, with forward slashes"),
    ('source = "a/../../b"', "a path inside the repository, with forward slashes"),
    ("source = 'a\\b'", "a path inside the repository, with forward slashes"),
    ('source = "a\\u0000b"', "a path inside the repository, with forward slashes"),
    ('source = ""', "a path inside the repository, with forward slashes"),
    ("source = true", "a path inside the repository, with forward slashes"),
    ('artefact = "."', "a path inside the package"),
    ('artefact = "./"', "a path inside the package"),
    ('artefact = "../model.joblib"', "a path inside the repository, with forward slashes"),
    ('data = "rows.csv"', "a list of paths inside the repository"),
    ('data = ["rows.csv", "/etc/passwd"]', "a path inside the repository"),
    ("data = [1]", "a path inside the repository"),
    ("tolerance = 1", "a number from 0 to 1, relative"),
    ("tolerance = -0.1", "a number from 0 to 1, relative"),
    ("tolerance = nan", "a number from 0 to 1, relative"),
    ("tolerance = inf", "a number from 0 to 1, relative"),
    ("tolerance = true", "a number from 0 to 1, relative"),
    ('tolerance = "1e-9"', "a number from 0 to 1, relative"),
    ('sync.pins = "loose"', '"locked" or "direct" or "compatible" or "declared"'),
    ("sync.pins = []", '"locked" or "direct" or "compatible" or "declared"'),
    ('sync.extras = "gpu"', "a table of extras and Pipfile categories such as"),
    ("sync.extras = { gpu = 1 }", "a table of extras and Pipfile categories such as"),
    ('version.release = "never"', '"changed" or "always"'),
    ("version.build-number-offset = 1.0", "a whole number"),
    ("version.build-number-offset = true", "a whole number"),
    ('train.engine = "ray"', '"local" or "dask"'),
    ('train.dask.scheduler = "cluster:8786"', "an address such as tcp://HOST:8786"),
    ('train.dask.scheduler = "http://cluster:8786"', "an address such as tcp://HOST:8786"),
    ('train.dask.scheduler = "tcp://cluster"', "an address such as tcp://HOST:8786"),
    ('train.dask.scheduler = "tcp://me:secret@cluster:8786"', "an address such as tcp://"),
    ('train.dask.key-file = ""', "the name of a file, absolute or from the root"),
    ("train.dask.time-limit = 90", "a duration with its unit, such as"),
    ('train.dask.time-limit = "a day"', "a duration with its unit, such as"),
    ("data.max-row-change = -1", "a finite number from 0 on"),
    ("data.max-row-change = inf", "a finite number from 0 on"),
    ("train.threads = -1", "a whole number from 0 on"), ("report.show-rows = 1", "true or false"),
    ("cache.limit = 5", 'a size with its unit, such as "5 GB"'),
    ("cache.limit = false", 'a size with its unit, such as "5 GB"'),
    ('cache.limit = "5 GiB"', 'a size with its unit, such as "5 GB"'),
    ('sync.extras = { "-gpu" = "gpu" }', "a table of extras and Pipfile categories such as"),
    ('train.dask.time-limit = "0.0 h"', "a duration with its unit, such as"),
    ('secrets.data = "KEY"', "a list of names of environment variables"),
    ('secrets.data = ["p@ss"]', "the name of an environment variable, not its value"),
]  # fmt: skip

UNKNOWN: list[tuple[str, str]] = [
    ('train = "python train.py"', "unknown key tool.trainwheel.train"),
    ('sources = "src"', "unknown key tool.trainwheel.sources, did you mean source?"),
    ('version.relese = "x"', "did you mean version.release?"),
    ("tolerance.relative = 1", "unknown key tool.trainwheel.tolerance.relative, did you mean"),
    ("zzz = 1", "unknown key tool.trainwheel.zzz"),
    ("indexes.a.url = 'x'", "unknown key tool.trainwheel.indexes.a.url"),
    ("index = 3", "tool.trainwheel.index takes tables: [tool.trainwheel.index.NAME]"),
    ('index = ["corporate"]', "tool.trainwheel.index takes tables: [tool.trainwheel.index.NAME]"),
    ("gate = 3", "tool.trainwheel.gate takes tables: [tool.trainwheel.gate.METRIC]"),
    ("gate.auc = {}", "tool.trainwheel.gate.auc asks for nothing"),
    ("gate.auc = { max-drop = 0.1, max-drop-relative = 0.1 }", "gate.auc has both max-drop and"),
    ('gate.auc = { min = "1" }', "tool.trainwheel.gate.auc.min = '1', but it takes a finite"),
    ("gate.base = 'required'", "unknown key tool.trainwheel.gate.base, did you mean baseline?"),
    ("index.a.packages = []", "index.a.packages = [], but it takes a list of package names"),
    ("index.a.url = ' '", "index.a.url = ' ', but it takes a text that is not empty"),
]


def document(line: str) -> str:
    """Return the smallest configuration with a line, in the place of one for the same key."""
    name = line.partition(" = ")[0]
    kept = [each for each in SMALLEST.splitlines() if not each.startswith(f"{name} ")]
    if name == "train":
        kept = [each for each in kept if not each.startswith("train.")]
    return "\n".join([*kept, line, ""])
