"""Files of tables: text, workbooks, Parquet, sparse matrices."""
