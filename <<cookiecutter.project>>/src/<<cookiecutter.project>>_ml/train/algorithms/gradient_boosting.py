# % set kinds = {"regression": "Regressor", "classification": "Classifier", "multiclass": "Classifier"}
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoosting<< kinds[model.type] >>
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

PACKAGES = ["mlflow", "numpy", "pandas", "scikit-learn"]  # that the model needs to predict
FOLDS, SEARCH = 3, {"model__max_leaf_nodes": [4, 20]}  # cross-validation; {} for none


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
    model = HistGradientBoosting<< kinds[model.type] >>(
        max_iter=150,
        learning_rate=0.05,
        categorical_features=list(range(len(text))),
        random_state=42,
    )
    columns = ColumnTransformer([("text", encode, text)], remainder="passthrough")
    return Pipeline([("encode", columns), ("model", model)])
