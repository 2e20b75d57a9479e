# % set kinds = {"regression": "Ridge", "classification": "LogisticRegression", "multiclass": "LogisticRegression"}
# % set search = {"regression": '"model__alpha": [1, 100]', "classification": '"model__C": [0.01, 1]', "multiclass": '"model__C": [0.01, 1]'}
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import << kinds[model.type] >>
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler, TargetEncoder

FOLDS, SEARCH = 3, {<< search[model.type] >>}  # cross-validation; {} for none
PACKAGES = ["mlflow", "numpy", "pandas", "scikit-learn"]  # that the model needs to predict


def new_model(features: pd.DataFrame) -> Pipeline:
    """A model for these features, not fitted yet: a column for each text, and for what is missing."""
    text = list(features.select_dtypes(exclude="number"))
    many = [name for name in text if features[name].nunique() > 200]  # such as codes
    few = [name for name in text if name not in many]
    no_none = FunctionTransformer(pd.DataFrame.where, kw_args={"cond": pd.notna})  # makes None NaN
    columns_of_each = OneHotEncoder(
        min_frequency=10,  # rarer texts are one category
        max_categories=200,
        handle_unknown="infrequent_if_exist",
    )
    by_label = TargetEncoder(target_type="<< target_type >>", random_state=42)  # the mean label of each
    no_gaps = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    model = << kinds[model.type] >>(random_state=42)
    columns = ColumnTransformer(
        [
            ("few", make_pipeline(no_none, columns_of_each), few),
            ("many", make_pipeline(no_none, by_label, StandardScaler()), many),
        ],
        remainder=make_pipeline(no_gaps, StandardScaler()),
    )
    return Pipeline([("encode", columns), ("model", model)])
