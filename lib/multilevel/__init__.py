"""The code behind the chapters: ``import multilevel as ml``."""

from multilevel.answers import check, hand_in, variant
from multilevel.comparison import compare, loo, reloo
from multilevel.datasets import load_chimpanzees, load_lecture, load_mlm, load_trolley
from multilevel.estimates import Estimates, Quoted, mcse
from multilevel.exact import exact_loo, exact_posterior
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
from multilevel.tables import agreement, describe, interval, means, peek, summarise, tidy

__all__ = [
    "ConvergenceError",
    "Estimates",
    "Prior",
    "Quoted",
    "agreement",
    "check",
    "check_convergence",
    "compare",
    "count_parameters",
    "crossed_intercepts",
    "describe",
    "diagnose",
    "exact_loo",
    "exact_posterior",
    "fit",
    "hand_in",
    "interval",
    "load_chimpanzees",
    "load_lecture",
    "load_mlm",
    "load_trolley",
    "loo",
    "mcse",
    "means",
    "no_pooling",
    "ordered_logit",
    "partial_pooling",
    "peek",
    "predict",
    "reloo",
    "replicate",
    "summarise",
    "tidy",
    "variant",
]
