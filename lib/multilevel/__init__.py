"""The code behind the chapters: ``import multilevel as ml``."""

from multilevel.comparison import compare, loo
from multilevel.datasets import load_chimpanzees, load_mlm, load_trolley
from multilevel.models import (
    Prior,
    count_parameters,
    crossed_intercepts,
    no_pooling,
    ordered_logit,
    partial_pooling,
)
from multilevel.predictions import predict, replicate
from multilevel.sampling import ConvergenceError, check_convergence, diagnose, fit
from multilevel.tables import describe, interval, summarise, tidy

__all__ = [
    "ConvergenceError",
    "Prior",
    "check_convergence",
    "compare",
    "count_parameters",
    "crossed_intercepts",
    "describe",
    "diagnose",
    "fit",
    "interval",
    "load_chimpanzees",
    "load_mlm",
    "load_trolley",
    "loo",
    "no_pooling",
    "ordered_logit",
    "partial_pooling",
    "predict",
    "replicate",
    "summarise",
    "tidy",
]
