# A misspelt name in the first answer; what comes after it does not depend on it
# exercise: another-outcome
# points: population 0, people 3, shares 2
# feedback: population | name 'posterior' is not defined
# %% population
fit = ml.fit(ml.partial_pooling(mine, "dan", "id"), seed=SEED, draws=2000, file="fits/dan")
population = {name: posterior[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
post = fit["posterior"].dataset
levels = post["alpha"].sel(id=five)
people = np.stack([levels, (levels - post["alpha_bar"]) / post["sigma_alpha"]], axis=-1)
# %% shares
between, within = post["sigma_alpha"] ** 2, post["sigma"] ** 2
counts = {"icc": 1, "two measurements": 2, "four measurements": 4}
shares = {name: between / (between + within / n) for name, n in counts.items()}
