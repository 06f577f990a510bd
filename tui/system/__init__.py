"""The computer it runs on: files, locks, the browser, the log."""
