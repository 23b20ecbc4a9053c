"""Write the tables of data sets that packages ship: ``python write_tables.py FOLDER``."""

import importlib.util
import shutil
import sys
from pathlib import Path

import statsmodels.datasets
import vega_datasets
from sklearn import datasets

folder = Path(sys.argv[1])
FILES = {
    "palmerpenguins": ("data/penguins.csv", "data/penguins-raw.csv"),
    "vega_datasets": ("_data/seattle-weather.csv", "_data/airports.csv"),
}
for package, names in FILES.items():
    # It need not be imported: palmerpenguins asks for pkg_resources, which is gone.
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None  # noqa: PT018
    for name in names:
        shutil.copy(Path(spec.origin).parent / name, folder)
vega_datasets.data.cars().to_csv(folder / "cars.csv", sep=";", decimal=",", index=False)
datasets.load_breast_cancer(as_frame=True).frame.to_csv(folder / "tumors.csv", index=False)
datasets.load_diabetes(as_frame=True, scaled=False).frame.to_csv(folder / "diabetes.csv")
wines = datasets.load_wine(as_frame=True)
wines.frame.to_csv(folder / "wines.tsv", sep="\t", index=False, encoding="utf-16")
for name in ("anes96", "fair"):
    frame = getattr(statsmodels.datasets, name).load_pandas().data
    frame.to_csv(folder / f"{name}.csv", index=False)
