"""Fit and compare Bayesian multilevel models: ``import multilevel as ml``.

The public names are listed in ``__init__.pyi``. Each module is imported lazily, when one of its
names is first used, so that a process only loads what it needs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
