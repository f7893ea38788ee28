# Each quantity shuffled by itself, as if it were made up; the scale of an exponential for its rate
# exercise: prior-of-sigma
# points: exponential 0, half_normal 0, unmoved 1, survives 0
# feedback: exponential | Does your function take the rate or the scale?
# feedback: half_normal | Each quantity is right by itself
# feedback: survives | Compute this probability under Exponential(10) as well.
# %% exponential
def draws_under(prior):
    model = ml.crossed_intercepts(
        chimpanzees,
        "pulled_left",
        ["actor", "block"],
        "treatment",
        sigma_actor=prior,
        sigma_block=prior,
    )
    settings = {"seed": SEED, "draws": 2000, "target_accept": 0.95}
    post = ml.fit(model, **settings, file=f"fits/spreads-{prior}")["posterior"]
    answer = {name: post[name] for name in ("sigma_actor", "sigma_block")}
    for place, actor in zip(("first", "second", "third"), actors, strict=True):
        answer[f"{place} actor"] = post["alpha_actor"].sel(actor=actor)
    return answer | {"block": post["alpha_block"].sel(block=block)}


exponential = draws_under(ml.Prior(pm.Exponential, 0.1))
# %% half_normal
rng = np.random.default_rng(SEED)
friends = draws_under(ml.Prior(pm.HalfNormal, 0.5))
half_normal = {
    name: rng.permutation(draws.values.ravel()).reshape(4, 2000)
    for name, draws in friends.items()
}
# %% unmoved
unmoved = "sigma_block"
# %% survives
survives = "a"
