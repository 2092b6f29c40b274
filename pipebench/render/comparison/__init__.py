"""A comparison for people, documents and machines.

    record -> document -> terminal, markdown, page (HTML, of page.html.j2)      what is said, once
    record -> spreadsheet (CSV), junit, github                 one line or case a metric

Text in a record may have been written by somebody else. So it is passed on as ``Foreign``, and each format makes it
inert in its own way.
"""
