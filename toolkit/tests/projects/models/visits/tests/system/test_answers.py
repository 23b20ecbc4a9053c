from own_model.classifier import predict_record


def test_rain_keeps_visitors_away() -> None:
    dry, wet = ({"warmth": 20, "rain": rain, "is_weekend": 1} for rain in (0, 15))
    assert predict_record(wet)["value"] < predict_record(dry)["value"]
