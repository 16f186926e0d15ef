"""The case machine: from a failure to a decision about its credits."""
