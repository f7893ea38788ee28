# Computed from posterior means instead of draws, and the rule for a mean that is estimated alone
# exercise: measurements
# points: population 2, precision 0, needed 0
# feedback: precision | Is the formula applied in every draw
# feedback: needed | This is the rule for a mean that is estimated alone.
# %% population
fit = ml.fit(ml.partial_pooling(pilot, "y", "id"), seed=SEED, draws=2000, file="fits/pilot")
population = {v: fit["posterior"][v] for v in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% precision
sa, s = float(population["sigma_alpha"].mean()), float(population["sigma"].mean())
precision = {
    f"{n} measurements": np.full((4, 2000), 1 / np.sqrt(1 / sa**2 + n / s**2))
    for n in (4, 16)
}
# %% needed
needed = 16
