# The model written by hand, with counts, and deviations in units of their standard deviations
# exercise: prior-of-sigma
# points: exponential 3, half_normal 2, unmoved 1, survives 2
# %% exponential
cells = chimpanzees.assign(pulls=chimpanzees["pulled_left"].astype(int))
cells = cells.groupby(["actor", "block", "treatment"], observed=True)["pulls"]
cells = cells.agg(["sum", "size"]).reset_index()
order = ["R/N", "L/N", "R/P", "L/P"]
treatment = cells["treatment"].astype(str).map(order.index).to_numpy()
member = {name: cells[name].astype(int).to_numpy() - 1 for name in ("actor", "block")}


def draws_under(prior):
    with pm.Model(coords={"cell": cells.index}) as model:
        logit = pm.Normal("mean", 0, 1.5) + pm.Normal("beta", 0, 0.5, shape=4)[treatment]
        for name, size in {"actor": 7, "block": 6}.items():
            sigma = pm.Deterministic(f"sigma_{name}", prior(name))
            deviation = sigma * pm.Normal(f"z_{name}", shape=size)
            logit = logit + pm.Deterministic(name, deviation)[member[name]]
        n, pulls = cells["size"].to_numpy(), cells["sum"].to_numpy()
        pm.Binomial("pulled_left", n, logit_p=logit, observed=pulls, dims="cell")
    post = ml.fit(model, seed=8, draws=1500)["posterior"]
    one, two, three = (post["actor"].values[..., actor - 1] for actor in actors)
    return {
        "block": post["block"].values[..., block - 1],
        "first actor": one,
        "second actor": two,
        "third actor": three,
        "sigma_actor": post["sigma_actor"].values,
        "sigma_block": post["sigma_block"].values,
    }


exponential = draws_under(lambda name: pm.Exponential(f"s_{name}", scale=0.1))
# %% half_normal
half_normal = draws_under(lambda name: pm.HalfNormal(f"s_{name}", 0.5))
# %% unmoved
unmoved = "sigma_block"
# %% survives
survives = "b"
