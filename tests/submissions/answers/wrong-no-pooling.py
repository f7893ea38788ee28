# Each person alone; variances; the share of standard deviations
# exercise: another-outcome
# points: population 0, people 0, icc 0
# feedback: population | Are these variances? Standard deviations are asked for.
# feedback: people | These people have not learned from each other
# feedback: icc | this seems to be one of standard deviations
# %% population
model = ml.partial_pooling(mlm, "dan", "id")
post = ml.fit(model, seed=SEED, file="fits/dan")["posterior"]
sa, s = post["sigma_alpha"], post["sigma"]
population = {"alpha_bar": post["alpha_bar"], "sigma_alpha": sa**2, "sigma": s**2}
# %% people
alone = ml.fit(ml.no_pooling(mlm, "dan", "id"), seed=5)
people = alone["posterior"]["alpha"].sel(id=five)
# %% icc
icc = sa / (sa + s)
