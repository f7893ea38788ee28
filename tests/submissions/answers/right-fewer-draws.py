# Three chains instead of four
# exercise: another-outcome
# points: population 2, people 3, icc 2
# %% population
fit = ml.fit(ml.partial_pooling(mlm, "dan", "id"), seed=6, chains=3)
post = fit["posterior"]
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
people = post["alpha"].sel(id=five)
# %% icc
between, within = post["sigma_alpha"] ** 2, post["sigma"] ** 2
icc = 1 / (1 + within / between)
