"""The screens and dialogs, a folder for each feature."""
