from own_model.classifier import predict_record


def test_a_heavy_apple_is_a_boskoop() -> None:
    assert predict_record({"weight": 220, "width": 85, "sugar": 11})["label"] == "boskoop"
