"""Training on a Dask cluster, in the environment of training and on the workers.

`train.py` loads this package as ``trainwheel_cluster``, by its path, where training is to run on a
cluster; it is shipped to the workers under the same name, beside the modules of the repository.
"""
