"""The create operation where two things happen at once, or one thing stops halfway: each race has its test."""
