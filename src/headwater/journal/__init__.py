"""What has come in, on disk and in order, until it is loaded and a while longer."""

FILE_NAME = "journal.sqlite"  # in the home
