"""The Textual application: it opens organisations and shows their screens."""
