# The earlier page's outcome; people by position instead of label; shares that are lost
# exercise: another-outcome
# points: population 0, people 0, shares 0
# feedback: population | Which outcome is this? It looks like `con`.
# feedback: people | chosen by their labels
# feedback: shares | These are the shares that are lost
# %% population
model = ml.partial_pooling(mine, "con", "id")
post = ml.fit(model, seed=9, draws=2000)["posterior"].dataset
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
fit = ml.fit(ml.partial_pooling(mine, "dan", "id"), seed=SEED, draws=2000, file="fits/dan")
post = fit["posterior"].dataset
levels = post["alpha"].isel(id=five % 70)
people = np.stack([levels, (levels - post["alpha_bar"]) / post["sigma_alpha"]], axis=-1)
# %% shares
between, within = post["sigma_alpha"] ** 2, post["sigma"] ** 2
counts = {"icc": 1, "two measurements": 2, "four measurements": 4}
shares = {name: within / n / (between + within / n) for name, n in counts.items()}
