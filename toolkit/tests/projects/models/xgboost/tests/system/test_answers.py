from own_model.classifier import predict_record


def test_a_large_loan_on_a_small_income_is_late() -> None:
    assert predict_record({"amount": 90.0, "income": 20.0, "years": 1.0})["label"] == "late"
