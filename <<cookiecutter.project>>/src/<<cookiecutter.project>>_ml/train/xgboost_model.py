from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder


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
