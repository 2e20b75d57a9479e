# % set kinds = {"anomaly": "ScoredForest"}
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder

PACKAGES = ["mlflow", "numpy", "pandas", "scikit-learn"]  # that the model needs to predict


class ScoredForest(IsolationForest):
    """An isolation forest that predicts scores, so that they come out of the registered model."""

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.decision_function(X)


def new_model(features: pd.DataFrame) -> Pipeline:
    """A model for these features, not fitted yet: text is encoded, missing values stay missing."""
    text = list(features.select_dtypes(exclude="number"))
    encode = make_pipeline(
        FunctionTransformer(pd.DataFrame.where, kw_args={"cond": pd.notna}),  # makes None NaN
        OrdinalEncoder(
            max_categories=20,  # the commonest texts; the others are one
            handle_unknown="use_encoded_value",
            unknown_value=np.nan,
            encoded_missing_value=np.nan,
        ),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    model = ScoredForest(n_estimators=200, contamination=EXPECTED_SHARE, random_state=42)
    columns = ColumnTransformer([("text", encode, text)], remainder="passthrough")
    return Pipeline([("encode", columns), ("model", model)])
