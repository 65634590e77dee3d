"""A PDF read back as its readers' software sees it, and compared with the page that it should have been made of.

Nothing here knows how our documents are drawn: text is taken out of the pages' own streams, in the order of the tags.
"""
