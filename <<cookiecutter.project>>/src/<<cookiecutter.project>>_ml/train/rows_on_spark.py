from collections.abc import Iterator


def part_of(rows: DataFrame, share: float, salt: str) -> str:
    """What holds for that share of the rows: that they are the newest, or a hash of the key."""
    if "observed_at" not in rows.columns:
        return f"pmod(xxhash64({KEY}{salt}), 100) < {round(100 * share)}"
    newest = F.percentile_approx("observed_at", 1 - share).cast("string")
    return f"observed_at >= '{rows.agg(newest.alias('cutoff')).first().cutoff}'"


def read_rows(gold: DataFrame) -> tuple[DataFrame, dict[str, str]]:
    """Key, label, time, and `_part` of rows with a label; and the rules that decide it."""
    if LABEL not in gold.columns:
        raise ValueError(f"the gold table has no column {LABEL}; correct LABEL, or add the column")
# % if model.type == "classification"
    columns = [F.col(KEY), binary_label(gold).alias(LABEL)]
# % else
    columns = [F.col(KEY), F.col(LABEL).cast("double").alias(LABEL)]
# % endif
# % if history
    columns.append(F.col("observed_at").cast("timestamp").alias("observed_at"))
# % else
    if "observed_at" in map(str.lower, gold.columns):
        columns.append(F.col("observed_at").cast("timestamp").alias("observed_at"))
# % endif
    rows = gold.select(columns).where(F.abs(LABEL) < float("inf"))  # NULL, NaN, infinities are no labels
    if "observed_at" in rows.columns:
        rows = rows.where("observed_at IS NOT NULL")
    rules = {"holdout": part_of(rows, HOLDOUT_SHARE, "")}
    rules["validation"] = part_of(rows.where(f"NOT {rules['holdout']}"), VALIDATION_SHARE, ", 'validation'")
    part = "CASE WHEN {holdout} THEN 'holdout' WHEN {validation} THEN 'validation' ELSE 'train' END"
    return rows.withColumn("_part", F.expr(part.format(**rules))), rules


# % include train ~ ("lookup_by_time.py" if history else "lookup_by_key.py")


def with_features(frame: DataFrame) -> DataFrame:
    """The rows that have features; not cast, since Spark plans for minutes where 30 are cast and filtered."""
    features = [name for name in frame.columns if name not in (KEY, "observed_at", LABEL, "_part")]
    return frame.dropna(how="all", subset=[f"`{name}`" for name in features])


def collect(rows: DataFrame, count: int) -> pd.DataFrame:
    """About SAMPLE_ROWS of `count` rows, by time or else by key, which is the index."""
    if count > SAMPLE_ROWS:
        rows = rows.where(f"pmod(xxhash64({KEY}, 'sample'), 1000000) < {1000000 * SAMPLE_ROWS // count}")
    order = [name for name in ("observed_at", KEY) if name in rows.columns]
    found = rows.drop("_part").toPandas()
    found.attrs.clear()  # figures of Spark's, which pandas would copy in each step
    return found.sort_values(order).set_index(order[0]).drop(columns=order[1:])


def load_data(gold_table: str, feature_table: str) -> TrainingData:
    """The rows to learn from and those held out, each with its features; raises Skipped for too few."""
    gold, features = read_table(gold_table), read_table(feature_table)
    rows, rules = read_rows(gold.df)
    if (ours := dict(rows.dtypes)[KEY]) != (theirs := dict(features.df.dtypes)[KEY]):
        raise ValueError(f"{KEY} is {ours} in {gold_table}, {theirs} in {feature_table}; make both the same")
    no_features = [name for name in rows.columns if name != LABEL]
    training_set = create_training_set(rows.where("_part != 'holdout'"), feature_table, no_features)
# % if history
    found = with_features(create_training_set(rows, feature_table, []).load_df())
# % else
    found = with_features(rows.join(features.df, KEY))  # as load_df does, but with the time and _part
# % endif
# % if model.type == "classification"
    classes = found.groupBy("_part", LABEL).count().toPandas()
    counts = classes.groupby("_part")["count"].sum()
# % else
    counts = found.groupBy("_part").count().toPandas().set_index("_part")["count"]
# % endif
    counts = counts.reindex(["train", "validation", "holdout"], fill_value=0)
    if counts.train < MIN_ROWS or not all(counts):
        count = f"{counts.train} rows with {LABEL} to learn from, {counts.validation} to choose settings by"
        raise Skipped(f"{gold_table}: {count}, {counts.holdout} held out; {MIN_ROWS}, 1 and 1 needed")
# % if model.type == "classification"
    if len(classes) < 6:
        raise Skipped(f"the rows to learn from, of validation or held out have one class in label {LABEL}")
# % endif
    train, learnt = found.where("_part != 'holdout'"), counts.train + counts.validation
    examples, rules["rows_train"] = collect(train, learnt), str(learnt)
    parts = [collect(found.where(f"_part = '{part}'"), counts[part]) for part in ("validation", "holdout")]
    return TrainingData(gold, features, training_set, train, examples, *parts, rules)
