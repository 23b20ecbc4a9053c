"""Measure predictions: values, confidence intervals, and the difference from another model.

Run as a module, with this folder's parent on the path, in an environment that has numpy:

    python -P -m measuring REQUEST ANSWER

``REQUEST`` and ``ANSWER`` are files of one JSON object each, see ``__main__.py``.
"""
