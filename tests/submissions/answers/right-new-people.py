# The model by hand, and scores from densities in which levels have been integrated out
# exercise: new-people
# points: densities 3, next_ones 2, follow_up 2, course 2, colleague 1
# %% densities
import pymc as pm

member, labels = pd.factorize(mlm["id"], sort=True)
with pm.Model(coords={"row": mlm.index}) as by_hand:
    mu = pm.Normal("mu", 0, 1.5)
    between = pm.Exponential("between", 1)
    within = pm.Exponential("within", 1)
    level = pm.Deterministic("level", mu + between * pm.Normal("z", shape=len(labels)))
    pm.Normal("dan", level[member], within, observed=mlm["dan"].to_numpy(), dims="row")
    new_level = pm.Normal("new_level", mu, between)
    pm.Normal("new", new_level, within, shape=2)
post = ml.fit(by_hand, seed=21, draws=2000)["posterior"].dataset
mu, between, within = (post[name].to_numpy() for name in ["mu", "between", "within"])


def together(values):
    n, mean = len(values), values.mean()
    total = within**2 + n * between**2
    scatter = ((values - mean) ** 2).sum()
    log_det = (n - 1) * np.log(within**2) + np.log(total)
    return -(
        n * np.log(2 * np.pi) + log_det + scatter / within**2 + n * (mean - mu) ** 2 / total
    ) / 2


of_person = {j: mlm.loc[mlm["id"] == j, "dan"].to_numpy() for j in mine}
y = of_person[mine[0]]
own = post["level"].to_numpy()[..., list(labels).index(mine[0])]
densities = {
    "known": norm.logpdf(y, own[..., None], within[..., None]).sum(axis=-1),
    "one by one": sum(together(y[[k]]) for k in range(len(y))),
    "together": together(y),
}
# %% next_ones
rng = np.random.default_rng(21)
next_ones = {
    "known": rng.normal(own, within),
    "new, first": post["new"].to_numpy()[..., 0],
    "new, second": post["new"].to_numpy()[..., 1],
}
# %% follow_up
with pm.Model(coords={"row": mlm.index}) as one_level:
    centre = pm.Normal("centre", 0, 1.5)
    spread = pm.Exponential("spread", 1)
    pm.Normal("dan", centre, spread, observed=mlm["dan"].to_numpy(), dims="row")
flat = ml.fit(one_level, seed=22, draws=2000)["posterior"].dataset
centre, spread = flat["centre"].to_numpy(), flat["spread"].to_numpy()


def left_out(log):
    return -np.log(np.exp(-log).mean())


def alone(values):
    return sum(norm.logpdf(value, centre, spread) for value in values)


follow_up = 0
for values in of_person.values():
    for k in range(len(values)):
        given_others = together(values) - together(np.delete(values, k))
        follow_up += left_out(given_others) - left_out(alone(values[[k]]))
# %% course
course = sum(left_out(together(v)) - left_out(alone(v)) for v in of_person.values())
# %% colleague
colleague = "b"
