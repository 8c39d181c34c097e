"""What can be seen of running processes: their logs, as lines that Elasticsearch takes in."""
