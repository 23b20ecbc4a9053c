"""What transformers of scikit-learn become: nodes of the graph, from their fitted attributes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .visit import Convert, Node, Visit, takes_missing

__all__ = ["STEPS", "chained", "encoded", "pipeline_steps", "read_numbers"]

_OF_ANYTHING = ("answers", "average", "calibrated", "encode", "impute", "parts", "same")
_FUNCTIONS = ("log", "log1p", "log2", "log10", "sqrt", "cbrt", "exp", "expm1", "absolute", "square")


def scaled(steps: Sequence[tuple[str, Any]], clip: Any = None) -> Node:
    """Return the node of operations with a value for each column, in order."""
    named = [[name, np.asarray(values)] for name, values in steps if values is not None]
    return {"kind": "scale", "steps": named, "clip": clip and [float(bound) for bound in clip]}


def _standard(visit: Visit, scaler: Any) -> Node:
    mean = scaler.mean_ if scaler.with_mean else None
    return scaled([("sub", mean), *_divided(visit, scaler.scale_)])


def _robust(visit: Visit, scaler: Any) -> Node:
    centre = scaler.center_ if scaler.with_centering else None
    scale = scaler.scale_ if scaler.with_scaling else None
    return scaled([("sub", centre), *_divided(visit, scale)])


def _max_abs(visit: Visit, scaler: Any) -> Node:
    clip = (-1.0, 1.0) if getattr(scaler, "clip", False) else None
    return scaled(_divided(visit, scaler.scale_), clip)


def _divided(visit: Visit, scale: Any) -> list[tuple[str, Any]]:
    # A sparse matrix is multiplied by the inverse, which is not the same to the last bit.
    if visit.is_sparse and scale is not None:
        return [("mul", 1.0 / scale)]
    return [("truediv", scale)]


def _min_max(_: Visit, scaler: Any) -> Node:
    clip = scaler.feature_range if scaler.clip else None
    return scaled([("mul", scaler.scale_), ("add", scaler.min_)], clip)


def _bins(_: Visit, binner: Any) -> Node:
    edges = [np.asarray(values[1:-1], dtype=np.float64) for values in binner.bin_edges_]
    is_ordinal = binner.encode == "ordinal"
    ends = [0] * (len(edges) + 1) if is_ordinal else np.cumsum([0, *binner.n_bins_]).tolist()
    node = {"kind": "bins", "edges": edges, "offsets": ends[:-1], "width": ends[-1]}
    return {**node, "sparse": binner.encode == "onehot"}


def _power(_: Visit, power: Any) -> Node:
    is_box_cox = power.method == "box-cox"
    node = {"kind": "power", "lambdas": np.asarray(power.lambdas_), "box_cox": is_box_cox}
    if not power.standardize:
        return node
    scaler = power._scaler  # noqa: SLF001 - it has no other name
    return chained([node, scaled([("sub", scaler.mean_), ("truediv", scaler.scale_)])])


def _quantile(_: Visit, transformer: Any) -> Node:
    return {
        "kind": "quantile",
        "quantiles": np.ascontiguousarray(transformer.quantiles_.T),
        "references": transformer.references_,
        "normal": transformer.output_distribution == "normal",
    }


def _impute(visit: Visit, imputer: Any) -> Node:
    statistics, missing = imputer.statistics_, imputer.missing_values
    is_object = imputer._fit_dtype.kind == "O"  # noqa: SLF001 - decides what counts as missing
    if missing is not None and not isinstance(missing, int | float | str):
        visit.refuse(f"missing_values {missing!r}")
    kept = np.arange(len(statistics))
    if not imputer.keep_empty_features:
        kept = np.array([i for i in kept if statistics[i] == statistics[i]], dtype=np.int64)
    fill = statistics[kept].astype(object if is_object else np.float64)
    indicator = imputer.indicator_.features_ if imputer.add_indicator else None
    return {
        "kind": "impute",
        "missing": missing,
        "kept": kept,
        "fill": fill,
        "indicated": indicator,
        "object": is_object,
        "sparse": visit.is_sparse,
    }


def _one_hot(_: Visit, encoder: Any) -> Node:
    offsets = np.concatenate(([0], np.cumsum(encoder._n_features_outs)))  # noqa: SLF001
    width = int(offsets[-1])

    def code(column: int, answer: Any) -> int:
        block = answer[offsets[column] : offsets[column + 1]]
        return int(offsets[column] + block.argmax()) if block.any() else width

    node = encoded(encoder, code, width)
    return {**node, "sparse": bool(encoder.sparse_output)}


def _ordinal(_: Visit, encoder: Any) -> Node:
    return encoded(encoder, lambda column, answer: float(answer[column]), None)


def encoded(encoder: Any, code: Any, width: int | None) -> Node:
    """Return the node of an encoder, whose code for each category it is asked for itself."""
    first = [values[0] for values in encoder.categories_]
    columns = []
    for number, categories in enumerate(encoder.categories_):
        known = [_plain(value) for value in categories]
        answers = _asked(encoder, first, number, known)
        unknown = None
        if encoder.handle_unknown != "error":
            [answer] = _asked(encoder, first, number, [_unseen(known)])
            unknown = code(number, answer)
        codes = [code(number, answer) for answer in answers]
        columns.append({"categories": known, "codes": codes, "unknown": unknown})
    return {"kind": "encode", "columns": columns, "width": width}


def _asked(encoder: Any, first: Sequence[Any], number: int, values: Sequence[Any]) -> Any:
    rows = np.empty((len(values), len(first)), dtype=object)
    rows[:] = [_plain(value) for value in first]
    rows[:, number] = values
    with warnings.catch_warnings():  # of names that rows lack, and of what is unknown
        warnings.simplefilter("ignore")
        answer = encoder.transform(rows)
    return answer.toarray() if hasattr(answer, "toarray") else np.asarray(answer)


def _unseen(known: Sequence[Any]) -> Any:
    if any(isinstance(value, str) for value in known):
        return "".join(value for value in known if isinstance(value, str)) + "?"
    return max((v for v in known if isinstance(v, int | float) and not np.isnan(v)), default=0) + 1


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _columns(visit: Visit, transformer: Any) -> Node:
    places = transformer._transformer_to_input_indices  # noqa: SLF001 - names resolved to places
    weights = transformer.transformer_weights or {}
    parts = []
    for name, part, _ in transformer.transformers_:
        take = np.asarray(places[name], dtype=np.int64)
        if (isinstance(part, str) and part == "drop") or not len(take):
            continue
        node = visit.step(part, f"step {name!r}", is_sparse=False)
        parts.append({"take": take, "node": node, "weight": weights.get(name)})
    return {"kind": "parts", "parts": parts, "sparse": bool(transformer.sparse_output_)}


def _union(visit: Visit, union: Any) -> Node:
    weights = union.transformer_weights or {}
    parts, is_sparse = [], False
    for name, part in union.transformer_list:
        if not (isinstance(part, str) and part == "drop"):
            node = visit.step(part, f"step {name!r}")
            parts.append({"take": None, "node": node, "weight": weights.get(name)})
            is_sparse |= _is_sparse(node)
    return {"kind": "parts", "parts": parts, "sparse": is_sparse}


def _pipeline(visit: Visit, pipeline: Any) -> Node:
    return chained(pipeline_steps(visit, pipeline.steps))


def pipeline_steps(visit: Visit, steps: Sequence[tuple[str, Any]]) -> list[Node]:
    """Return the nodes of the transformers of a pipeline, each told whether its input is sparse."""
    nodes: list[Node] = []
    for name, step in steps:
        is_sparse = _is_sparse(nodes[-1]) if nodes else visit.is_sparse
        node = visit.step(step, f"step {name!r}", is_sparse=is_sparse)
        if node["kind"] != "weights":
            nodes.append(node)
        elif nodes and nodes[-1]["kind"] == "words":
            nodes[-1] |= {**node, "kind": "words"}
        else:
            visit.refuse(f"step {name!r} that does not follow one that counts words")
    return nodes


def chained(nodes: Sequence[Node]) -> Node:
    """Return one node for several in a row."""
    steps = [step for n in nodes for step in (n["steps"] if n["kind"] == "chain" else [n])]
    steps = [s for s in steps if s["kind"] != "same" or not s["missing"]] or steps[-1:]
    for step, following in pairwise(steps):
        read_numbers(step, following)
    return steps[0] if len(steps) == 1 else {"kind": "chain", "steps": steps}


def read_numbers(node: Node, following: Node) -> None:
    """Let what passes a node as it is become numbers, where what follows computes with it."""
    if node["kind"] == "chain":
        node = node["steps"][-1]
    first = following["steps"][0] if following["kind"] == "chain" else following
    if node["kind"] == "parts" and first["kind"] not in _OF_ANYTHING:
        for part in node["parts"]:
            if part["node"]["kind"] == "same":
                part["node"]["numeric"] = True


def _is_sparse(node: Node) -> bool:
    last = node["steps"][-1] if node["kind"] == "chain" else node
    return bool(last.get("sparse"))


def _function(visit: Visit, transformer: Any) -> Node:
    function, options = transformer.func, transformer.kw_args
    if function is None:
        return visit.step(None)
    name = getattr(function, "__name__", repr(function))
    if options or name not in _FUNCTIONS or getattr(np, name) is not function:
        visit.refuse(f"the function {name!r}")
    return {"kind": "apply", "name": name, "missing": not transformer.validate}


def _selected(_: Visit, selector: Any) -> Node:
    take = selector.get_support(indices=True).astype(np.int64)
    every: Node = {"kind": "same", "numeric": True, "missing": takes_missing(selector)}
    part = {"take": take, "node": {**every, "missing": True}, "weight": None}
    return {"kind": "chain", "steps": [every, {"kind": "parts", "parts": [part]}]}


def _words(visit: Visit, vectorizer: Any) -> Node:
    own = ("preprocessor", "tokenizer")
    custom = [name for name in own if getattr(vectorizer, name) is not None]
    if callable(vectorizer.analyzer) or callable(vectorizer.strip_accents) or custom:
        visit.refuse("an analyzer, tokenizer, preprocessor or strip_accents of its own")
    if vectorizer.input != "content" or np.dtype(vectorizer.dtype).kind == "b":
        visit.refuse(f"input {vectorizer.input!r} and dtype {vectorizer.dtype}")
    terms = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.__getitem__)
    return {
        "kind": "words",
        "terms": terms,
        "analyzer": vectorizer.analyzer,
        "pattern": vectorizer.token_pattern or "",
        "ngrams": list(vectorizer.ngram_range),
        "stops": sorted(vectorizer.get_stop_words() or ()),
        "accents": vectorizer.strip_accents,
        "lower": bool(vectorizer.lowercase),
        "binary": bool(vectorizer.binary),
        "before_linear": False,
        "sparse": True,
        **(_weights(vectorizer._tfidf) if hasattr(vectorizer, "_tfidf") else _NO_WEIGHTS),  # noqa: SLF001
    }


_NO_WEIGHTS = {"idf": None, "norm": None, "sublinear": False}


def _weights(tfidf: Any) -> Node:
    idf = tfidf.idf_ if tfidf.use_idf else None
    return {"idf": idf, "norm": tfidf.norm, "sublinear": bool(tfidf.sublinear_tf)}


def _tfidf(_: Visit, tfidf: Any) -> Node:
    return {"kind": "weights", **_weights(tfidf)}


STEPS: dict[str, Convert] = {
    "ColumnTransformer": _columns,
    "CountVectorizer": _words,
    "FeatureUnion": _union,
    "FunctionTransformer": _function,
    "KBinsDiscretizer": _bins,
    "MaxAbsScaler": _max_abs,
    "MinMaxScaler": _min_max,
    "OneHotEncoder": _one_hot,
    "OrdinalEncoder": _ordinal,
    "Pipeline": _pipeline,
    "PowerTransformer": _power,
    "QuantileTransformer": _quantile,
    "RobustScaler": _robust,
    "SelectFromModel": _selected,
    "SelectKBest": _selected,
    "SelectPercentile": _selected,
    "SimpleImputer": _impute,
    "StandardScaler": _standard,
    "TfidfTransformer": _tfidf,
    "TfidfVectorizer": _words,
    "VarianceThreshold": _selected,
}
