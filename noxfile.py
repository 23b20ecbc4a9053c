"""The chain of this model: doc, train, test, version, package, upload, verify."""

try:
    import trainwheel
except ModuleNotFoundError:
    message = "configuration: this nox has no trainwheel; run `make install`, use `.venv/bin/nox`"
    raise SystemExit(message) from None

trainwheel.register()
