# % set kinds = {"regression": "Ridge", "classification": "LogisticRegression", "multiclass": "LogisticRegression"}
# % set search = {"regression": '"model__alpha": [1, 100]', "classification": '"model__C": [0.01, 1]', "multiclass": '"model__C": [0.01, 1]'}
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import << kinds[model.type] >>
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

FOLDS, SEARCH = 3, {<< search[model.type] >>}  # cross-validation; {} for none
PACKAGES = ["mlflow", "numpy", "pandas", "scikit-learn"]  # that the model needs to predict


def new_model(features: pd.DataFrame) -> Pipeline:
    """A model for these features, not fitted yet: a column for each text, and for what is missing."""
    text = list(features.select_dtypes(exclude="number"))
    encode = make_pipeline(
        FunctionTransformer(pd.DataFrame.where, kw_args={"cond": pd.notna}),  # makes None NaN
        OneHotEncoder(
            min_frequency=10,  # rarer texts are one category
            max_categories=200,
            handle_unknown="infrequent_if_exist",
        ),
    )
    scale = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    model = << kinds[model.type] >>(random_state=42)
    columns = ColumnTransformer([("text", encode, text)], remainder=scale)
    return Pipeline([("encode", columns), ("model", model)])
