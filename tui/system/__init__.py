"""The operating system: files, locks, the browser, the log."""
