# The page's own builder, as the solution does it
# exercise: another-outcome
# points: population 2, people 3, icc 2
# %% population
fit = ml.fit(ml.partial_pooling(mlm, "dan", "id"), seed=SEED, file="fits/dan")
post = fit["posterior"].dataset
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
people = post["alpha"].sel(id=five)
# %% icc
icc = post["sigma_alpha"] ** 2 / (post["sigma_alpha"] ** 2 + post["sigma"] ** 2)
