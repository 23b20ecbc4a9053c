from own_model.classifier import predict_record


def test_a_hot_machine_needs_service() -> None:
    assert predict_record({"heat": 95.0, "hours": 400.0, "vibration": 6.5})["label"]
