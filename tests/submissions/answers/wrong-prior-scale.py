# A prior that was meant to be vague: the number of an exponential is a rate, not a scale
# exercise: measurements
# points: population 0, precision 0, needed 0
# feedback: population | the priors of the task?
# %% population
import pymc as pm

wide = ml.Prior(pm.Exponential, 10)
model = ml.partial_pooling(pilot, "y", "id", sigma_alpha=wide, sigma=wide, check=False)
post = ml.fit(model, seed=SEED)["posterior"]
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% precision
between, within = post["sigma_alpha"] ** 2, post["sigma"] ** 2
precision = {f"{n} measurements": (1 / between + n / within) ** -0.5 for n in (4, 16)}
# %% needed
needed = float((16 + 3 * within / between).median())
