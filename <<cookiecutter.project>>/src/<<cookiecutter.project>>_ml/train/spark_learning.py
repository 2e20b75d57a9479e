# % set estimator = "XGBClassifier" if model.type == "classification" else "XGBRegressor"
from sklearn.model_selection import ParameterGrid


def fit_on_spark(rows: DataFrame, examples: pd.DataFrame, settings: dict) -> Pipeline:
    """A new model: its encoder learns from `examples`, its trees from all rows, on Spark's workers."""
    features = examples.drop(columns=LABEL)
    model = new_model(features).set_params(**settings)
    columns, trees = model["encode"].fit(features), model["model"]
    names = list(columns.feature_names_in_)
    encoded = [f"_{index}" for index in range(len(trees.feature_types))]

    def encode(parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for part in filter(len, parts):
            yield pd.DataFrame(columns.transform(part[names]), columns=encoded).assign(_label=part[LABEL])

    schema = ", ".join(f"{name} float" for name in encoded) + ", _label double"
    cores = rows.sparkSession.range(1000).select(F.spark_partition_id()).distinct().count()
    mlflow.log_param("num_workers", workers := min(NUM_WORKERS, cores))
# % if model.type == "classification"
    unknown = ("enable_categorical", "objective")  # which it sets itself
# % else
    unknown = ("enable_categorical",)  # which it sets itself
# % endif
    given = {name: value for name, value in trees.get_params().items() if name not in unknown}
    given = {name: value for name, value in given.items() if value is not None}
    learner = Spark<< estimator >>(features_col=encoded, label_col="_label", num_workers=workers, **given)
    booster = learner.fit(rows.mapInPandas(encode, schema)).get_booster()
    booster.feature_names = None  # the pipeline gives it an array
    trees.load_model(booster.save_raw())
    return model


def choose(data: TrainingData) -> tuple[Pipeline, dict]:
    """The model of SEARCH that is best on the rows of validation, and its settings."""
    rows, features = data.train.where("_part = 'train'"), data.validation.drop(columns=LABEL)
    models = [(fit_on_spark(rows, data.examples, settings), settings) for settings in ParameterGrid(SEARCH)]
    truth = data.validation[LABEL]
    found = [{**settings, "goodness": goodness_of(model, features, truth)} for model, settings in models]
    mlflow.log_table(pd.DataFrame(found), "search.json")
    return models[int(np.argmax([each["goodness"] for each in found]))]
