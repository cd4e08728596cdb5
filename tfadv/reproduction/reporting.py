"""The report of an experiment from what its folder holds."""

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tfadv.errors import UserError
from tfadv.files import write_json
from tfadv.planning.plan import build_plan
from tfadv.reproduction import about, cells, norm_statistics, report, results
from tfadv.reproduction.cells import Cell
from tfadv.reproduction.claims import CLAIMS
from tfadv.reproduction.experiment import Experiment, Files, Statistics
from tfadv.reproduction.page import Page
from tfadv.reproduction.runner import Runner, collect
from tfadv.reproduction.verdicts import verdict
