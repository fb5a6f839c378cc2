"""An index per snapshot: parts that find candidates fast, each for some kinds of queries."""
