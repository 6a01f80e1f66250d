"""The crash harness: the real process is killed again and again, and in the end nothing is lost and nothing is twice."""
