from own_model.classifier import MEASUREMENTS, predict_record


def test_what_is_not_known_may_be_a_question_mark() -> None:
    record = {**dict.fromkeys(MEASUREMENTS, 1), "bare_nuclei": "?"}
    assert predict_record(record)["label"] == 2
