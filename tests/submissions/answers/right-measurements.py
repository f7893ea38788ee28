# A builder for the model, and the number of measurements found by search, not by algebra
# exercise: measurements
# points: population 2, precision 3, needed 3
# %% population
post = ml.fit(ml.partial_pooling(pilot, "y", "id"), seed=31)["posterior"]
population = {name: post[name] for name in ["alpha_bar", "sigma_alpha", "sigma"]}
# %% precision
def s(n):
    return (1 / population["sigma_alpha"] ** 2 + n / population["sigma"] ** 2) ** -0.5

precision = {"4 measurements": s(4), "16 measurements": s(16)}
# %% needed
low, high = 4.0, 1000.0
for _ in range(60):
    middle = (low + high) / 2
    low = np.where(s(middle) > s(4) / 2, middle, low)
    high = np.where(s(middle) > s(4) / 2, high, middle)
needed = np.median(middle)
