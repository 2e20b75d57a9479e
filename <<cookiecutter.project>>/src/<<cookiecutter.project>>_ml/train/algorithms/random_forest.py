# % set kinds = {"regression": "Regressor", "classification": "Classifier", "multiclass": "Classifier"}
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForest<< kinds[model.type] >>
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, TargetEncoder

PACKAGES = ["mlflow", "numpy", "pandas", "scikit-learn"]  # that the model needs to predict
FOLDS = 3
SEARCH = [  # by cross-validation; {} for none
    {"model__max_leaf_nodes": [100], "model__max_features": [0.3]},
    {"model__max_leaf_nodes": [1000], "model__max_features": [0.6]},
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
    model = RandomForest<< kinds[model.type] >>(
        n_estimators=100,
        max_features=0.3,  # of the features, from which each split chooses
        min_samples_leaf=<< 5 if model.type == "classification" else 1 >>,  # rows; of few, a share is no probability
        random_state=42,
    )
    columns = ColumnTransformer(
        [("few", make_pipeline(no_none, by_order), few), ("many", make_pipeline(no_none, by_label), many)],
        remainder="passthrough",
    )
    return Pipeline([("encode", columns), ("model", model)])
