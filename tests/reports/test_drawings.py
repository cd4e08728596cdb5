"""Which figures a report has."""

from shared.evaluation_records import ODD, bare_record, judged

from tfadv.reports.drawings import drawings


def test_the_strongest_attack_of_each_branch_is_drawn():
    drawn = [one.file for one in drawings(bare_record("adv"), ODD, judged("adv"), [])]
    assert drawn == ["confusion_adv_clean.png", "confusion_adv_pgd_100.png"]
