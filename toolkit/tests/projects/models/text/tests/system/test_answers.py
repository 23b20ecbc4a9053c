from own_model.classifier import predict_record


def test_a_complaint_is_a_complaint() -> None:
    assert predict_record({"text": "Where is my money?"})["label"] == "complaint"
