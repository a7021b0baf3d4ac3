"""The dashboard: what the published marts say, a page per question, in Japanese and English.

    view.py      which period, channel, team … is looked at, and how the address writes it
    blocks.py    what a page consists of: facts, charts, tables, notes
    pages/       one module per question: reads rows, composes blocks
    charts.py    the charts, as Vega-Lite
    html.py      tables and facts as HTML
    app/         what Streamlit runs

A page knows nothing of Streamlit: the report renders the same blocks. No figure is computed here
that a mart holds; a page shows rows of the marts, one period each.
"""
