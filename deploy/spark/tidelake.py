"""The `tidelake` command as a program for `spark-submit`."""

from runtime.cli import main

if __name__ == "__main__":
    main()
