"""File drops: a watched folder or an S3 prefix."""
