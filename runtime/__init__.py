"""What every process needs: settings, errors, and the `tidelake` command."""
