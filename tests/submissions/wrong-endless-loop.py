# A loop without end: what was there before it counts
# exercise: another-outcome
# seconds: 90
# points: population 2, people 0, icc 0
# feedback: people | was not through after 90 seconds
# feedback: icc | was not through after 90 seconds
# %% population
post = ml.fit(ml.partial_pooling(mlm, "dan", "id"), seed=SEED)["posterior"]
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
k = 0
while k < 5:
    level = post["alpha"].sel(id=five[k]).mean()
people = post["alpha"].sel(id=five)
# %% icc
icc = post["sigma_alpha"] ** 2 / (post["sigma_alpha"] ** 2 + post["sigma"] ** 2)
