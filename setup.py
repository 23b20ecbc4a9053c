"""Packaging of the model; the version and the requirements are kept up by the release."""

from pathlib import Path

from setuptools import setup

setup(
    name="oncology-model",
    version="0.1.0",
    description="Tells benign from malignant breast tumours by measurements of cell nuclei",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The trainwheel authors",
    # An index shows addresses: project_urls={"Source": "https://…", "Issues": "https://…"},
    license_expression="Apache-2.0",
    classifiers=[
        "Intended Audience :: Developers",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.11",
    install_requires=[
        "joblib>=1.6.0,<2",
        "numpy>=2.4.6,<3",
        "scikit-learn==1.9.1",
    ],
    package_dir={"": "model"},
    packages=["oncology_model"],
    package_data={"oncology_model": ["py.typed", "artefact/*.joblib", "artefact/*.joblib.json"]},
    include_package_data=False,
    entry_points={
        "console_scripts": ["oncology-model = oncology_model.__main__:main"],
        # By this, `trainwheel models installed` finds the models of an environment.
        "trainwheel.models": ["oncology_model = oncology_model:Classifier"],
    },
)
