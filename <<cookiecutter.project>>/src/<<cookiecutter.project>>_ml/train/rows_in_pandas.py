def read_rows(gold: DataFrame) -> tuple[DataFrame, dict[str, str]]:
# % if model.type == "anomaly"
    """Key, time, and if a row is held out, of all rows or of a sample; and the rules that decide it."""
    columns = [F.col(KEY)]
# % endif
# % if model.type == "regression"
    """Key, label, time, and if a row is held out, of rows with a label; and the rules that decide it."""
    if LABEL not in gold.columns:
        raise ValueError(f"the gold table has no column {LABEL}; correct LABEL, or add the column")
    columns = [F.col(KEY), F.col(LABEL).cast("double").alias(LABEL)]
# % endif
# % if model.type == "classification"
    """Key, label, time, and if a row is held out, of rows with a label; and the rules that decide it."""
    if LABEL not in gold.columns:
        raise ValueError(f"the gold table has no column {LABEL}; correct LABEL, or add the column")
    columns = [F.col(KEY), binary_label(gold).alias(LABEL)]
# % endif
# % if history
    columns.append(F.col("observed_at").cast("timestamp").alias("observed_at"))
# % else
    if "observed_at" in map(str.lower, gold.columns):
        columns.append(F.col("observed_at").cast("timestamp").alias("observed_at"))
# % endif
# % if model.type == "anomaly"
    rows = gold.select(columns)
# % else
    rows = gold.select(columns).where(F.abs(LABEL) < float("inf"))  # NULL, NaN, infinities are no labels
# % endif
# % if history
    newest = F.percentile_approx("observed_at", 1 - HOLDOUT_SHARE).cast("string")
    count, cutoff = rows.agg(F.count("*"), newest).first()
    sample, holdout = "all rows", f"observed_at >= '{cutoff}'"
    rows = rows.where("observed_at IS NOT NULL")
# % else
    is_timed = "observed_at" in rows.columns
    newest = F.percentile_approx("observed_at", 1 - HOLDOUT_SHARE) if is_timed else F.lit(None)
    count, cutoff = rows.agg(F.count("*"), newest.cast("string")).first()
    sample, holdout = "all rows", f"pmod(xxhash64({KEY}), 100) < {round(100 * HOLDOUT_SHARE)}"
    if is_timed:
        rows, holdout = rows.where("observed_at IS NOT NULL"), f"observed_at >= '{cutoff}'"
# % endif
    if count > MAX_ROWS:
        sample = f"pmod(xxhash64({KEY}, 'sample'), 10000) < {10000 * MAX_ROWS // count}"
        rows = rows.where(sample)
        print(f"{count} rows are more than MAX_ROWS, so those with {sample} are used")
    return rows.withColumn("_held_out", F.expr(holdout)), {"rows": sample, "holdout": holdout}


# % include train ~ ("lookup_by_time.py" if history else "lookup_by_key.py")


def collect(frame: DataFrame) -> pd.DataFrame:
    """The rows that have features, by time or else by key, which is the index; numbers as 32-bit floats."""
    order = [name for name in ("observed_at", KEY) if name in frame.columns]
    features = [name for name in frame.columns if name not in (*order, LABEL, "_held_out")]
    numbers = [name for name, kind in frame.dtypes if kind == "double" and name in features]
    rows = frame.withColumns({name: F.col(f"`{name}`").cast("float") for name in numbers}).toPandas()
    rows.attrs.clear()  # figures of Spark's, which pandas would copy in each step
    rows = rows.dropna(how="all", subset=features).sort_values(order)
    return rows.set_index(order[0]).drop(columns=order[1:])


def load_data(gold_table: str, feature_table: str) -> TrainingData:
    """The rows to learn from and those held out, each with its features; raises Skipped for too few."""
    gold, features = read_table(gold_table), read_table(feature_table)
    rows, rules = read_rows(gold.df)
    if (ours := dict(rows.dtypes)[KEY]) != (theirs := dict(features.df.dtypes)[KEY]):
        raise ValueError(f"{KEY} is {ours} in {gold_table}, {theirs} in {feature_table}; make both the same")
    no_features = [name for name in rows.columns if name != LABEL]
    training_set = create_training_set(rows.where("NOT _held_out"), feature_table, no_features)
# % if history
    found = collect(create_training_set(rows, feature_table, []).load_df())
# % else
    found = collect(rows.join(features.df, KEY))  # as load_df does, but with the time and _held_out
# % endif
    train, holdout = (found[found["_held_out"] == part].drop(columns="_held_out") for part in (False, True))
    if len(train) < MIN_ROWS or holdout.empty:
# % if model.type == "anomaly"
        found = f"{gold_table}: {len(train)} rows to learn from, {len(holdout)} held out"
# % else
        found = f"{gold_table}: {len(train)} rows with {LABEL} to learn from, {len(holdout)} held out"
# % endif
        raise Skipped(f"{found}; {MIN_ROWS} and 1 needed")
# % if model.type == "classification"
    for name, part, least in (("rows to learn from", train, FOLDS), ("holdout", holdout, 1)):
        if part[LABEL].nunique() == 1 or part[LABEL].value_counts().min() < least:
            raise Skipped(f"the {name} have a single class in label {LABEL}, or fewer than {least} of one")
# % endif
    return TrainingData(gold, features, training_set, train, holdout, rules)
