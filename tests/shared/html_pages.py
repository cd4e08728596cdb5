"""A page as a reader's browser parses it."""

import html.parser

VOID = {"meta", "link", "img", "source", "br", "hr", "input"}
CELLS = ("td", "th")


class ParsedPage(html.parser.HTMLParser):
    """A page's text, its references, its tables and whether its tags nest.

    Attributes:
        words: pieces of text.
        references: what it loads or leads to.
        tags: in their order.
        anchors: every id.
        tables: the text of each cell, by table and row.
    """

    def __init__(self, text):
        super().__init__()
        self.open, self.words, self.references, self.tags = [], [], [], []
        self.anchors, self.tables = [], []
        self.feed(text)
        self.close()
        assert not self.open

    @property
    def text(self):
        return _joined(self.words)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.references += [
            value for name, value in attributes if name in ("src", "srcset", "href", "action")
        ]
        self.anchors += [value for name, value in attributes if name == "id"]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in CELLS:
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["style"]:
            return
        self.words.append(data)
        if any(tag in self.open for tag in CELLS):
            row = self.tables[-1][-1]
            row[-1] = _joined([row[-1], data])


def _joined(words):
    return " ".join(" ".join(words).split())
