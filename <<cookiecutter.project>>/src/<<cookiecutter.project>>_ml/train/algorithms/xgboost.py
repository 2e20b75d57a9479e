# % set estimator = "XGBClassifier" if model.type == "classification" else "XGBRegressor"
from xgboost import << estimator >>

PACKAGES = ["mlflow", "numpy", "pandas", "scikit-learn", "xgboost"]  # that the model needs to predict
FOLDS, SEARCH = 3, {"model__max_depth": [2, 5]}  # cross-validation; {} for none


# % include train ~ "xgboost_model.py"
