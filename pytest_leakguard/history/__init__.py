"""What did earlier sessions find, commit by commit? A file of SQLite, written to and asked."""
