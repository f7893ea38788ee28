# Each person alone; variances; shares of standard deviations
# exercise: another-outcome
# points: population 0, people 0, shares 0
# feedback: population | Are these variances? Standard deviations are asked for.
# feedback: people | These people have not learned from each other
# feedback: shares | these seem to be shares of standard deviations
# %% population
model = ml.partial_pooling(mine, "dan", "id")
post = ml.fit(model, seed=SEED, draws=2000, file="fits/dan")["posterior"].dataset
sa, s = post["sigma_alpha"], post["sigma"]
population = {"alpha_bar": post["alpha_bar"], "sigma_alpha": sa**2, "sigma": s**2}
# %% people
alone = ml.fit(ml.no_pooling(mine, "dan", "id"), seed=5, draws=2000)
levels = alone["posterior"]["alpha"].sel(id=five)
people = np.stack([levels, (levels - post["alpha_bar"]) / sa], axis=-1)
# %% shares
counts = {"icc": 1, "two measurements": 2, "four measurements": 4}
shares = {name: sa / (sa + s / n) for name, n in counts.items()}
