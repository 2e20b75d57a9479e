USE_CASE = "<< model.domain >>: << model.name >>"
HOLDOUT_SHARE = 0.2
MIN_ROWS = 50  # fewer rows to learn from end as SKIPPED
# % if learning == "in_pandas"
MAX_ROWS = 1_000_000  # of more rows, about as many are used: a fixed sample of the keys
# % endif
REFIT = True  # after a version is judged, it is fitted once more, on all rows; False leaves that out
