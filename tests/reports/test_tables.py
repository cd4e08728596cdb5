"""The page's tables."""

import base64
import html.parser
import io
import json
from importlib import resources
import pytest
from shared.evaluation_records import ODD, bare_record, full_record, judged, pgd, share, trained_by, worst
from PIL import Image
from tfadv.errors import UserError
from tfadv.reports import style, tables
from tfadv.reports.evaluation import write


def test_the_summary_keeps_to_the_record_s_radius():
    record = full_record() | {"epsilon": 16.0}
    assert tables.summary(record, "clean") == ("90.0%", "45.0%", "PGD-100, ε = 16")
    assert tables.summary(record, "adv") == ("90.0%", "51.0%", "all attacks, worst case")
    del record["worst_case"]
    assert tables.summary(record, "adv") == ("90.0%", "55.0%", "AUTO, ε = 16")
    assert tables.summary(record | {"epsilon": None}, "adv")[1] == "30.0%"
    record["attacks"].append({"attack": "mine", "branch": "adv"} | share(0.1))  # tells no ε
    assert tables.summary(record, "adv") == ("90.0%", "10.0%", "MINE")
