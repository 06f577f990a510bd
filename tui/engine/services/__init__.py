"""Services for the screens of one organisation; see `tui.model.services`."""
