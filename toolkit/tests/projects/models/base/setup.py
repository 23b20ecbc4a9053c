"""The distribution of the model."""

from pathlib import Path

from setuptools import setup

setup(
    name="own-model",
    version="0.1.0",
    description="A model of its own",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    install_requires=[],
    package_dir={"": "model"},
    packages=["own_model"],
    package_data={"own_model": ["py.typed", "artefact/*"]},
)
