from own_model.classifier import predict_record


def test_an_empty_cell_is_answered() -> None:
    record = {"tenure": 60, "fee": None, "contract": "yearly", "region": None}
    assert predict_record(record)["label"] == "stays"
