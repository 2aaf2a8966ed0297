"""``python -m clearsight``: the command line."""

from clearsight.cli import main

if __name__ == "__main__":
    main()
