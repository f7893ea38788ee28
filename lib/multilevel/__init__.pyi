from .answers import hand_in, variant
from .comparison import compare, loo, reloo
from .counts import count_rows
from .datasets import load_chimpanzees, load_lecture, load_mlm, load_sleep, load_trolley
from .estimates import Estimates, Quoted, glue, mcse
from .exact import exact_loo, exact_posterior
from .models import (
    count_parameters,
    crossed_intercepts,
    linear,
    logistic,
    no_pooling,
    ordered_logit,
    partial_pooling,
    scaled_priors,
    varying_slopes,
)
from .panels import refit_panel
from .predictions import predict, replicate
from .priors import Prior
from .sampling import ConvergenceError, check_convergence, diagnose, fit, sample
from .studies import StudyError, run_study
from .tables import agreement, describe, interval, means, peek, sensitivity, summarise, tidy

__all__ = [
    "ConvergenceError",
    "Estimates",
    "Prior",
    "Quoted",
    "StudyError",
    "agreement",
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
    "glue",
    "hand_in",
    "interval",
    "linear",
    "load_chimpanzees",
    "load_lecture",
    "load_mlm",
    "load_sleep",
    "load_trolley",
    "logistic",
    "loo",
    "mcse",
    "means",
    "no_pooling",
    "ordered_logit",
    "partial_pooling",
    "peek",
    "predict",
    "refit_panel",
    "reloo",
    "replicate",
    "run_study",
    "sample",
    "scaled_priors",
    "sensitivity",
    "summarise",
    "tidy",
    "variant",
    "varying_slopes",
]
