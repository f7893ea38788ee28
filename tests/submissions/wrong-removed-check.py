# Takes out the cells of two answers, a right one and a wrong one
# exercise: another-outcome
# removes: population
# removes: icc
# points: population 2, people 0, icc 0
# feedback: people | nothing handed in yet
# feedback: icc | This is the share that lies within people.
# %% population
fit = ml.fit(ml.partial_pooling(mlm, "dan", "id"), seed=SEED)
post = fit["posterior"].dataset
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% icc
icc = post["sigma"] ** 2 / (post["sigma_alpha"] ** 2 + post["sigma"] ** 2)
