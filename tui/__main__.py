"""`python -m tui` is `reshelve`."""

from tui.cli import main

if __name__ == "__main__":
    main()
