"""The one room that speaks SQL: rows, keys, chains and migrations; decides nothing, and hands out plain values."""
