# % set estimator = "XGBClassifier" if model.type == "classification" else "XGBRegressor"
from xgboost import << estimator >>
from xgboost.spark import Spark<< estimator >>

PACKAGES = ["mlflow", "numpy", "pandas", "scikit-learn", "xgboost"]  # that the model needs to predict
SEARCH = {"model__max_depth": [2, 5]}  # {} for none
VALIDATION_SHARE = 0.2  # of the rows to learn from, which choose among SEARCH, then are learnt from too


# % include train ~ "xgboost_model.py"
