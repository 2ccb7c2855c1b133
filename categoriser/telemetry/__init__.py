"""What operators look at: metrics, traces and logs. None of it names a person, and none holds a secret."""
