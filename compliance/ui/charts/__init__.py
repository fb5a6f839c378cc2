"""Where the marks of a chart go: pure geometry in SVG user units, no Django. Templates draw what it returns."""
