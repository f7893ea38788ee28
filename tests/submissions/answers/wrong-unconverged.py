# Hardly any tuning, few draws; warnings switched off
# exercise: another-outcome
# points: population 0, people 0, shares 0
# feedback: population | The draws cannot be trusted: R-hat is up to
# feedback: people | The draws cannot be trusted: R-hat is up to
# feedback: shares | The draws cannot be trusted: R-hat is up to
# %% population
import logging

logging.disable()
model = ml.partial_pooling(mine, "dan", "id")
post = ml.sample(model, seed=SEED, tune=10, draws=80, chains=2)["posterior"].dataset
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% people
levels = post["alpha"].sel(id=five)
people = np.stack([levels, (levels - post["alpha_bar"]) / post["sigma_alpha"]], axis=-1)
# %% shares
between, within = post["sigma_alpha"] ** 2, post["sigma"] ** 2
counts = {"icc": 1, "two measurements": 2, "four measurements": 4}
shares = {name: between / (between + within / n) for name, n in counts.items()}
