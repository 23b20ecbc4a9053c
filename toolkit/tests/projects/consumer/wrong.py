"""What a consumer of the reference model gets wrong. Both type checkers name each line."""

from oncology_model import Classifier, Prediction, Tumor

classifier = Classifier()
tumor = Tumor.from_mapping({})
Tumor(mean_radius=1.0)  # wrong: the others are missing
Tumor(mean_radius="1.0", **dict[str, float]())  # wrong: a text
Tumor(mean_radiu=1.0, **dict[str, float]())  # wrong: no such field
tumor.mean_radius = 2.0  # wrong: frozen
str(tumor.mean_radiu)  # wrong: no such field
classifier.predict(3.0)  # wrong: not a record
classifier.predict("tumor.csv")  # wrong: not a record
classifier.predict_proba([tumor])  # wrong: not one record
classifier.predict_many([tumor], on_error="skip")  # wrong: no such way
classifier.predict_many(tumor)  # wrong: one record
classifier.predict_many("tumors.csv")  # wrong: a path
classifier.predict_many({"mean_radius": [1.0]})  # wrong: neither records nor a table
classifier.predict_proba_many([1.0])  # wrong: not records
classifier.results(3)  # wrong: not records
classifier.predict(tumor, any_version=True)  # wrong: no such argument
Classifier(verify="yes")  # wrong: a text
Classifier(3)  # wrong: not a path
answer: int = classifier.predict(tumor)  # wrong: a prediction
marked: list[Prediction] = classifier.predict_many([tumor], on_error="mark")  # wrong: or an error
str(classifier.predict(tumor).MALIGN)  # wrong: no such class
