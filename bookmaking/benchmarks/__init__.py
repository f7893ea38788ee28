"""Measure how fast the models are, compared with other programs and as the data grow."""


def main(arguments: list[str]) -> int:
    """Time the models against Bambi and brms, as the data grow, and at scale."""
    from bookmaking.benchmarks import compare, growth, scale

    found = compare.main(arguments)
    return found or compare.run_script(growth.main) or compare.run_script(scale.main)
