"""What the screens ask of one organisation, a service for each subject; see `tui.model.services`."""
