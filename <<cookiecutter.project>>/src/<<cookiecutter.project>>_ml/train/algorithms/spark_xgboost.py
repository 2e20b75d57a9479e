# % set kinds = {"regression": "Regressor", "classification": "Classifier"}
# % set cluster = True
from collections.abc import Iterator
from typing import NamedTuple

from sklearn.compose import ColumnTransformer
from sklearn.model_selection import ParameterGrid
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder
from xgboost import XGB<< kinds[model.type] >>
from xgboost.spark import SparkXGB<< kinds[model.type] >>

PACKAGES = ["mlflow", "numpy", "pandas", "scikit-learn", "xgboost"]  # that the model needs to predict
SEARCH = {"model__max_depth": [2, 5]}  # {} for none
VALIDATION_SHARE = 0.2  # of the rows to learn from, which choose among SEARCH, then are learnt from too
SAMPLE_ROWS = 100_000  # about as many of the rows come to this machine, or fewer: a fixed sample of the keys
NUM_WORKERS = 8  # tasks of Spark that learn together; as many as Spark has cores, if these are fewer


def new_model(features: pd.DataFrame) -> Pipeline:
    """A model for these features, not fitted yet: text is encoded, missing values stay missing."""
    text = list(features.select_dtypes(exclude="number"))
    encode = make_pipeline(
        FunctionTransformer(pd.DataFrame.where, kw_args={"cond": pd.notna}),  # makes None NaN
        OrdinalEncoder(
            min_frequency=10,  # rarer texts are one category
            max_categories=200,
            handle_unknown="use_encoded_value",
            unknown_value=np.nan,
            encoded_missing_value=np.nan,
        ),
    )
    model = XGB<< kinds[model.type] >>(
        n_estimators=150,
        learning_rate=0.05,
        enable_categorical=True,
        feature_types=["c"] * len(text) + ["q"] * (features.shape[1] - len(text)),
        random_state=42,
    )
    columns = ColumnTransformer([("text", encode, text)], remainder="passthrough")
    return Pipeline([("encode", columns), ("model", model)])


# COMMAND ----------


# DBTITLE 1,Learning on Spark
# Spark's workers learn together, each from its share of the rows, which are never collected. Samples of
# them come here, for the texts to encode, for settings and threshold, and for the holdout's metrics.
logging.getLogger("XGBoost-PySpark").setLevel(logging.ERROR)  # it warns that Spark Connect has no RDD


class SparkRows(NamedTuple):
    """The rows to learn from, all rows, samples of the former and of those that choose, and who learns."""

    learnt: DataFrame
    all: DataFrame
    examples: pd.DataFrame
    validation: pd.DataFrame
    workers: int


def fit_on_spark(rows: DataFrame, train: SparkRows, settings: dict) -> Pipeline:
    """A new model: its encoder learns from the examples, its trees from `rows`, on Spark's workers."""
    features = train.examples.drop(columns=LABEL)
    model = new_model(features).set_params(**settings)
    columns, trees = model["encode"].fit(features), model["model"]
    names = list(columns.feature_names_in_)
    encoded = [f"_{index}" for index in range(len(trees.feature_types))]

    def encode(parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for part in filter(len, parts):
            found = pd.DataFrame(columns.transform(part[names]), columns=encoded)
            yield found.assign(_label=part[LABEL], _weight=part["_weight"] if WEIGHT else 1.0)

    schema = ", ".join(f"{name} float" for name in encoded) + ", _label double, _weight double"
    given = {name: value for name, value in trees.get_params().items() if name not in SET_BY_SPARK}
    given = {name: value for name, value in given.items() if value is not None}
    given |= {"features_col": encoded, "label_col": "_label", "weight_col": "_weight"}
    given["num_workers"] = train.workers
    learner = SparkXGB<< kinds[model.type] >>(**given)
    booster = learner.fit(rows.mapInPandas(encode, schema)).get_booster()
    booster.feature_names = None  # the pipeline gives it an array
    trees.load_model(booster.save_raw())
    return model


def choose(train: SparkRows) -> tuple[Pipeline, dict]:
    """The model of SEARCH that is best on the rows of validation, and its settings."""
    rows, features = train.learnt.where("_part = 'train'"), train.validation.drop(columns=LABEL)
    models = [(fit_on_spark(rows, train, settings), settings) for settings in ParameterGrid(SEARCH)]
    truth = train.validation[LABEL]
    found = [{**settings, "goodness": goodness_of(model, features, truth)} for model, settings in models]
    mlflow.log_table(pd.DataFrame(found), "search.json")
    return models[int(np.argmax([each["goodness"] for each in found]))]
