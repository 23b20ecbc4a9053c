from tiny_model.classifier import predict_record


def test_doubles():
    assert predict_record({"x": 2})["value"] == 4.0
