# The model written by hand, with deviations in units of their standard deviations
# exercise: prior-of-sigma
# points: exponential 3, half_normal 2, unmoved 1, survives 2
# %% exponential
order = ["R/N", "L/N", "R/P", "L/P"]
treatment = chimpanzees["treatment"].astype(str).map(order.index).to_numpy()
member = {name: chimpanzees[name].astype(int).to_numpy() - 1 for name in ("actor", "block")}


def draws_under(prior):
    with pm.Model(coords={"row": chimpanzees.index}) as model:
        logit = pm.Normal("mean", 0, 1.5) + pm.Normal("beta", 0, 0.5, shape=4)[treatment]
        for name, size in {"actor": 7, "block": 6}.items():
            sigma = pm.Deterministic(f"sigma_{name}", prior(name))
            deviation = sigma * pm.Normal(f"z_{name}", shape=size)
            logit = logit + pm.Deterministic(name, deviation)[member[name]]
        pulls = chimpanzees["pulled_left"].astype(int).to_numpy()
        pm.Bernoulli("pulled_left", logit_p=logit, observed=pulls, dims="row")
    post = ml.fit(model, seed=8, draws=2000, target_accept=0.95)["posterior"]
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
