from own_model.classifier import predict_record


def test_the_nearest_depot_sends() -> None:
    assert predict_record({"north": 20.0, "east": 0.0})["label"] == 110
