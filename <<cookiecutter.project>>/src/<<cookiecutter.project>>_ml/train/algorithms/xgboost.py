# % set kinds = {"regression": "Regressor", "classification": "Classifier", "multiclass": "Classifier"}
from xgboost import XGB<< kinds[model.type] >>

PACKAGES = ["mlflow", "numpy", "pandas", "scikit-learn", "xgboost"]  # that the model needs to predict
FOLDS, SEARCH = 3, {"model__max_depth": [2, 5]}  # cross-validation; {} for none


# % include train ~ "xgboost_model.py"
