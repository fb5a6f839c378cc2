"""What every page is made of: forms, lists, charts, template tags, and the page that shows each component."""
