# A misspelt name in the first answer; what comes after it does not depend on it
# exercise: another-outcome
# points: population 0, people 3, icc 2
# feedback: population | name 'population' is not defined
# %% population
fit = ml.fit(ml.partial_pooling(mlm, "dan", "id"), seed=SEED, file="fits/dan")
population = {name: posterior[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
people = fit["posterior"]["alpha"].sel(id=five)
# %% icc
post = fit["posterior"]
icc = post["sigma_alpha"] ** 2 / (post["sigma_alpha"] ** 2 + post["sigma"] ** 2)
