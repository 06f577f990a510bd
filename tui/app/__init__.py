"""The Textual application: opens organisations and shows their screens."""
