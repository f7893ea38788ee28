"""The code behind the chapters: ``import multilevel as ml``.

Names are imported from their modules when they are first used (``__init__.pyi`` lists them), so
that a process pays for what it needs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
