"""The parts of every page: forms, lists, charts, template tags, and a page that shows each component."""
