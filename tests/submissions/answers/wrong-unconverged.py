# Hardly any tuning, few draws; warnings switched off
# exercise: another-outcome
# points: population 0, people 0, icc 0
# feedback: population | The draws cannot be trusted: R-hat is up to
# feedback: people | The draws cannot be trusted: R-hat is up to
# feedback: icc | The draws cannot be trusted: R-hat is up to
# %% population
import logging

logging.disable()
model = ml.partial_pooling(mlm, "dan", "id")
post = ml.sample(model, seed=SEED, tune=10, draws=80, chains=2)["posterior"]
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
people = post["alpha"].sel(id=five)
# %% icc
icc = post["sigma_alpha"] ** 2 / (post["sigma_alpha"] ** 2 + post["sigma"] ** 2)
