# % set kinds = {"regression": "Regressor", "classification": "Classifier", "multiclass": "Classifier"}
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, TargetEncoder
from xgboost import XGB<< kinds[model.type] >>

PACKAGES = ["mlflow", "numpy", "pandas", "scikit-learn", "xgboost"]  # that the model needs to predict
FOLDS = 3
SEARCH = [  # by cross-validation; {} for none
    {"model__max_depth": [2], "model__n_estimators": [150]},
    {"model__max_depth": [6], "model__n_estimators": [400]},
]


def new_model(features: pd.DataFrame) -> Pipeline:
    """A model for these features, not fitted yet: text is encoded, missing values stay missing."""
    text = list(features.select_dtypes(exclude="number"))
    many = [name for name in text if features[name].nunique() > 200]  # such as codes
    few = [name for name in text if name not in many]
    no_none = FunctionTransformer(pd.DataFrame.where, kw_args={"cond": pd.notna})  # makes None NaN
    by_order = OrdinalEncoder(
        min_frequency=10,  # rarer texts are one category
        max_categories=200,
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
    )
    by_label = TargetEncoder(target_type="<< target_type >>", random_state=42)  # the mean label of each
    model = XGB<< kinds[model.type] >>(
        n_estimators=150,
        learning_rate=0.05,
        subsample=0.8,
        colsample_bytree=0.8,
        enable_categorical=True,
        feature_types=<< "None if many else " if model.type == "multiclass" >>["c"] * len(few) + ["q"] * (features.shape[1] - len(few)),
        random_state=42,
    )
    columns = ColumnTransformer(
        [("few", make_pipeline(no_none, by_order), few), ("many", make_pipeline(no_none, by_label), many)],
        remainder="passthrough",
    )
    return Pipeline([("encode", columns), ("model", model)])
