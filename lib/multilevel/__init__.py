"""The code behind the chapters: ``import multilevel as ml``."""

from multilevel.answers import check, hand_in, variant
from multilevel.comparison import compare, loo, reloo
from multilevel.counts import count_rows
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
    varying_slopes,
)
from multilevel.predictions import predict, replicate
from multilevel.sampling import ConvergenceError, check_convergence, diagnose, fit, sample
from multilevel.studies import StudyError, run_study
from multilevel.tables import agreement, describe, interval, means, peek, summarise, tidy

__all__ = [
    "ConvergenceError",
    "Estimates",
    "Prior",
    "Quoted",
    "StudyError",
    "agreement",
    "check",
    "check_convergence",
    "compare",
    "count_parameters",
    "count_rows",
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
    "run_study",
    "sample",
    "summarise",
    "tidy",
    "variant",
    "varying_slopes",
]
