# The model written by hand, level and slope together, and points of lines by matrices
# exercise: lines
# points: people 3, moved 3, newcomer 3, why 1
# %% people
i = tested["subject"].map({label: k for k, label in enumerate(speeds.columns)}).to_numpy()
with pm.Model(coords={"row": tested.index}) as mine:
    a0, b0 = pm.Normal("a0", 3, 1), pm.Normal("b0", 0, 0.3)
    s = pm.Exponential("s", [2, 5], shape=2)
    r = pm.Uniform("r01", 0, 1)
    pm.Potential("lkj", pm.logp(pm.Beta.dist(2, 2), r))
    rho = pm.Deterministic("r", 2 * r - 1)
    z = pm.Normal("z", shape=(18, 2))
    a = pm.Deterministic("a", a0 + s[0] * z[:, 0])
    b = pm.Deterministic("b", b0 + s[1] * (rho * z[:, 0] + (1 - rho**2) ** 0.5 * z[:, 1]))
    u = pm.Normal("u", shape=2)
    new_a = pm.Deterministic("new_a", a0 + s[0] * u[0])
    pm.Deterministic("new_b", b0 + s[1] * (rho * u[0] + (1 - rho**2) ** 0.5 * u[1]))
    noise = pm.Exponential("noise", 2)
    at = a[i] + b[i] * tested["from_last"].to_numpy()
    pm.Normal("y", at, noise, observed=tested["speed"].to_numpy(), dims="row")
post = ml.fit(mine, seed=77, draws=2500, tune=1500)["posterior"]
back = 7 - night
where = [speeds.columns.get_loc(label) for label in people_ids]
people = {}
for name, k in zip(["first", "second", "third"], where, strict=True):
    level, slope = post["a"].values[..., k], post["b"].values[..., k]
    people[f"{name} time"] = 1000 / (level - back * slope)
    people[f"{name} slope"] = slope
# %% moved
s1, s2, r = post["s"].values[..., 0], post["s"].values[..., 1], post["r"].values
covariance = np.stack([s1**2, r * s1 * s2, r * s1 * s2, s2**2], -1).reshape(*r.shape, 2, 2)
shift = np.array([[1.0, -back], [0.0, 1.0]])
there = shift @ covariance @ shift.T
sd = np.sqrt(there[..., [0, 1], [0, 1]])
moved = {"sd of levels": sd[..., 0], "correlation": there[..., 0, 1] / sd.prod(-1)}
# %% newcomer
last = post["new_a"].values
newcomer = {"night": last - back * post["new_b"].values, "last": last}
# %% why
why = "b"
