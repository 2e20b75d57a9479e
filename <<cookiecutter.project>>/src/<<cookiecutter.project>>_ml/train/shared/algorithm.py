# % set target_type = {"regression": "continuous", "classification": "binary", "multiclass": "auto"}.get(model.type)
MODEL_TYPE = "<< model.type >>"
ALGORITHM = "<< model.algorithm >>"
# % include train ~ "algorithms/" ~ model.algorithm ~ ".py"
# % include train ~ learning ~ "/rows.py"
