# % include train ~ "shared/tables.py"


def read_rows(gold: DataFrame) -> tuple[DataFrame, dict[str, str]]:
    """The rows, or a sample of them, each with `_held_out`; and the rules that decide what they are."""
    rows, sample = << "with_last(select_rows(gold))" if with_last else "select_rows(gold)" >>, "all rows"
    count, holdout = << "newest_part" if lookup == "by_time" else "part_of" >>(rows, HOLDOUT_SHARE)
    if count > MAX_ROWS:
        sample = f"pmod(xxhash64({KEY}, 'sample'), 10000) < {10000 * MAX_ROWS // count}"
        rows = rows.where(sample)
        print(f"{count} rows are more than MAX_ROWS, so those with {sample} are used")
    return rows.withColumn("_held_out", F.expr(holdout)), {"rows": sample, "holdout": holdout}


def collect(frame: DataFrame) -> pd.DataFrame:
    """The rows that have features, by time or else by key, which is the index; numbers as 32-bit floats."""
    order = [name for name in ("observed_at", KEY) if name in frame.columns]
    given = [name for name in ("_weight", "_segment") if name in frame.columns]
    others = (*order, *given, LABEL, "_held_out", "_last")
    features = [name for name in frame.columns if name not in others]
    numbers = [name for name, kind in frame.dtypes if kind == "double" and name in features]
    floats = {name: F.col(f"`{name}`").cast("float") for name in numbers}
    rows = (frame.withColumns(floats) if floats else frame).toPandas()
    rows.attrs.clear()  # figures of Spark's, which pandas would copy in each step
    rows = rows.dropna(how="all", subset=features).sort_values(order)
    return rows.set_index([order[0], *given]).drop(columns=order[1:])


def load_data(gold_table: str, feature_table: str) -> TrainingData:
    """The rows to learn from and those held out, each with its features; raises Skipped for too few."""
    gold, features = read_table(gold_table), read_table(feature_table)
    rows, rules = read_rows(gold.df)
    if (ours := dict(rows.dtypes)[KEY]) != (theirs := dict(features.df.dtypes)[KEY]):
        raise ValueError(f"{KEY} is {ours} in {gold_table}, {theirs} in {feature_table}; make both the same")
    unused = << "[]" if model.type == "anomaly" else "[WEIGHT] if WEIGHT else []" >>
    no_features = [*unused, *(name for name in rows.columns if name != LABEL)]
    training_set = create_training_set(rows.where("NOT _held_out"), feature_table, no_features)
# % if lookup == "by_time"
    found = collect(create_training_set(rows, feature_table, unused).load_df())
# % else
    joined = rows.join(features.df.drop(*unused), KEY)  # as load_df does, but with the time and _held_out
    found = collect(joined)
# % endif
# % if with_last
    last = found.pop("_last")[found["_held_out"]]
# % endif
    train, holdout = (found[found["_held_out"] == part].drop(columns="_held_out") for part in (False, True))
    if len(train) < MIN_ROWS or holdout.empty:
        found = f"{len(train)} rows with {LABEL or KEY} to learn from, {len(holdout)} held out"
        raise Skipped(f"{gold_table}: {found}; {MIN_ROWS} and 1 needed")
# % if model.type == "classification"
    for name, part, least in (("rows to learn from", train, FOLDS), ("holdout", holdout, 1)):
        if part[LABEL].nunique() == 1 or part[LABEL].value_counts().min() < least:
            raise Skipped(f"the {name} have a single class in label {LABEL}, or fewer than {least} of one")
# % endif
# % if model.type == "multiclass"
    train, holdout, left_out = without_rare_classes(train, holdout)
# % endif
    rules["rows_train"] = str(len(train))
    remarks = remarks_on_share(len(train), len(holdout)) if "observed_at" in train.index.names else []
    return TrainingData(gold, features, training_set, train, holdout, rules, remarks<< " + left_out" if model.type == "multiclass" >><< ", last" if with_last >>)
