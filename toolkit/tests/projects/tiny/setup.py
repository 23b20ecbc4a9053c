from pathlib import Path

from setuptools import setup

setup(
    name="tiny-model",
    version="0.1.0",
    description="Doubles a number",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    install_requires=["joblib>=1.6.0,<2"],
    package_dir={"": "model"},
    packages=["tiny_model"],
    package_data={"tiny_model": ["py.typed", "artefact/*.joblib"]},
)
