# % include train ~ "shared/tables.py"


def read_rows(gold: DataFrame) -> tuple[DataFrame, dict[str, str]]:
    """The rows, each with the `_part` that it is in; and the rules that decide it."""
    rows = << "with_last(select_rows(gold))" if with_last else "select_rows(gold)" >>
    _, holdout = << "newest_part" if lookup == "by_time" else "part_of" >>(rows, HOLDOUT_SHARE)
    _, chosen_by = << "newest_part" if lookup == "by_time" else "part_of" >>(rows, HOLDOUT_SHARE + (1 - HOLDOUT_SHARE) * VALIDATION_SHARE)
    part = f"CASE WHEN {holdout} THEN 'holdout' WHEN {chosen_by} THEN 'validation' ELSE 'train' END"
    rules = {"holdout": holdout, "validation": f"NOT {holdout} AND {chosen_by}"}
    return rows.withColumn("_part", F.expr(part)), rules


def with_features(frame: DataFrame) -> DataFrame:
    """The rows that have features; not cast, since Spark plans for minutes where 30 are cast and filtered."""
    others = (KEY, "observed_at", LABEL, "_part", "_last", "_weight", "_segment")
    features = [name for name in frame.columns if name not in others]
    return frame.dropna(how="all", subset=[f"`{name}`" for name in features])


def collect(rows: DataFrame, count: int) -> pd.DataFrame:
    """About SAMPLE_ROWS of `count` rows, by time or else by key, which is the index."""
    if count > SAMPLE_ROWS:
        rows = rows.where(f"pmod(xxhash64({KEY}, 'sample'), 1000000) < {1000000 * SAMPLE_ROWS // count}")
    order = [name for name in ("observed_at", KEY) if name in rows.columns]
    found = rows.drop("_part").toPandas()
    found.attrs.clear()  # figures of Spark's, which pandas would copy in each step
    given = [name for name in ("_weight", "_segment") if name in rows.columns]
    return found.sort_values(order).set_index([order[0], *given]).drop(columns=order[1:])


def load_data(gold_table: str, feature_table: str) -> TrainingData:
    """The rows to learn from and those held out, each with its features; raises Skipped for too few."""
    gold, features = read_table(gold_table), read_table(feature_table)
    rows, rules = read_rows(gold.df)
    if (ours := dict(rows.dtypes)[KEY]) != (theirs := dict(features.df.dtypes)[KEY]):
        raise ValueError(f"{KEY} is {ours} in {gold_table}, {theirs} in {feature_table}; make both the same")
    unused = [WEIGHT] if WEIGHT else []
    no_features = [*unused, *(name for name in rows.columns if name != LABEL)]
    training_set = create_training_set(rows.where("_part != 'holdout'"), feature_table, no_features)
# % if lookup == "by_time"
    found = with_features(create_training_set(rows, feature_table, unused).load_df())
# % else
    joined = rows.join(features.df.drop(*unused), KEY)  # as load_df does, but with the time and _part
    found = with_features(joined)
# % endif
    found_in = found.groupBy("_part").agg(
        F.count("*").alias("rows"), F.min(LABEL).alias("least"), F.max(LABEL).alias("most")
    )
    parts = found_in.toPandas().set_index("_part")
    counts = parts["rows"].reindex(["train", "validation", "holdout"], fill_value=0)
    if counts.train < MIN_ROWS or not all(counts):
        count = f"{counts.train} rows with {LABEL} to learn from, {counts.validation} to choose settings by"
        raise Skipped(f"{gold_table}: {count}, {counts.holdout} held out; {MIN_ROWS}, 1 and 1 needed")
    if any(parts["least"] == parts["most"]):
        raise Skipped(f"the rows to learn from, of validation or held out have one value in label {LABEL}")
    learnt, rules["rows_train"] = found.where("_part != 'holdout'"), str(counts.train + counts.validation)
    examples = collect(learnt, counts.train + counts.validation)
    samples = [collect(found.where(f"_part = '{part}'"), counts[part]) for part in ("validation", "holdout")]
    cores = learnt.sparkSession.range(1000).select(F.spark_partition_id()).distinct().count()
    rules["num_workers"] = str(workers := min(NUM_WORKERS, cores))  # counted once: a worker may join later
# % if with_last
    last = [part.pop("_last") for part in (examples, *samples)][-1]
# % endif
    train, holdout = SparkRows(learnt, found, examples, samples[0], workers), samples[1]
    is_timed = "observed_at" in holdout.index.names
    learnt_rows = counts.train + counts.validation
    remarks = remarks_on_share(learnt_rows, counts.holdout) if is_timed else []
    return TrainingData(gold, features, training_set, train, holdout, rules, remarks<< ", last" if with_last >>)
