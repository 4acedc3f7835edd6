"""One module per question: out of the published tables, through a connection that only reads."""
