"""Which figures a report has."""

import numpy as np
import pytest
from shared.evaluation_records import ODD, bare_record, full_record, judged, pgd, trained_by, worst
from tfadv.reports import figures, pictures
from tfadv.reports.drawings import drawings
from tfadv.reports.evaluation import Judged


def test_the_strongest_attack_of_each_branch_is_drawn():
    drawn = [one.file for one in drawings(bare_record("adv"), ODD, judged("adv"), [])]
    assert drawn == ["confusion_adv_clean.png", "confusion_adv_pgd_100.png"]
