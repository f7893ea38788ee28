"""Measure how fast the models are, compared with other programs and as the data grow."""


def main(arguments: list[str]) -> int:
    """Time the models against Bambi and brms, as the data grow, at scale and in the browser."""
    from bookmaking.benchmarks import browser, compare, growth, scale

    found = compare.main(arguments)
    scripts = [growth.main, scale.main, browser.main]
    return found or max(compare.run_script(main) for main in scripts)
