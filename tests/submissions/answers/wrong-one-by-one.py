# The right means and standard deviations, with draws made up one by one
# exercise: measurements
# points: population 2, precision 0, needed 3
# feedback: precision | together they do not vary as they should
# %% population
fit = ml.fit(ml.partial_pooling(pilot, "y", "id"), seed=SEED, draws=2000, file="fits/pilot")
post = fit["posterior"].dataset
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% precision
between, within = post["sigma_alpha"] ** 2, post["sigma"] ** 2
right = {f"{n} measurements": (1 / between + n / within) ** -0.5 for n in (4, 16)}
precision = {
    name: rng.normal(draws.mean(), draws.std(), size=(4, 1000))
    for name, draws in right.items()
}
# %% needed
needed = float((16 + 3 * within / between).median())
