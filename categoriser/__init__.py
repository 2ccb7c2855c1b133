"""Files every picture of an upload stream into categories."""
