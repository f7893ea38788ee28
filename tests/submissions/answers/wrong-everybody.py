# All ninety-one people instead of the student's own seventy
# exercise: another-outcome
# points: population 0, people 0, shares 0
# feedback: population | Are these all ninety-one people?
# %% population
fit = ml.fit(ml.partial_pooling(mlm, "dan", "id"), seed=SEED, draws=2000, file="fits/another-outcome")
post = fit["posterior"].dataset
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
levels = post["alpha"].sel(id=five)
people = np.stack([levels, (levels - post["alpha_bar"]) / post["sigma_alpha"]], axis=-1)
# %% shares
between, within = post["sigma_alpha"] ** 2, post["sigma"] ** 2
counts = {"icc": 1, "two measurements": 2, "four measurements": 4}
shares = {name: between / (between + within / n) for name, n in counts.items()}
