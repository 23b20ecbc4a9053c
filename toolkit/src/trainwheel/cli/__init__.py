"""The two ways in, ``nox -s …`` and ``trainwheel …``: parse, call one step, translate one error."""
