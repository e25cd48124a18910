"""What is kept: the snapshot lake (parquet) and the operational database (SQL)."""
