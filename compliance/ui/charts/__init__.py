"""Layout of charts: pure geometry in SVG user units, without Django. Templates draw the result."""
