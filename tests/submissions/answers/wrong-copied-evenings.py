# The fits are right, the evenings those of a friend with another id, each quantity made up by itself
# exercise: within-between
# points: slopes 1, adjusted 2, expected 0, differences 0, distorted 0, fixed 0
# feedback: differences | These are differences per hour.
# feedback: fixed | do comparisons of people still matter for the slope?
# %% slopes
one = ml.Prior(pm.Exponential, 1)
priors = {"alpha_bar": ml.Prior(pm.Normal, 7, 1), "beta": ml.Prior(pm.Normal, 0, 1)}
priors |= {"sigma_id": one, "sigma": one}


def posterior_of(predictors):
    model = ml.linear(diary, "sleep", predictors, ["id"], **priors)
    return ml.fit(model, seed=77)["posterior"].dataset


names = ["within", "between", "deadline"]
beta = posterior_of(names[:2])["beta"]
slopes = {name: beta.sel(predictor=name) for name in names[:2]}
# %% adjusted
post = posterior_of(names)
adjusted = {name: post["beta"].sel(predictor=name) for name in names}
# %% expected
rng = np.random.default_rng(SEED)
friends = {
    name: post["alpha_bar"]
    + adjusted["within"] * (hours - usual[person])
    + adjusted["between"] * (usual[person] - 3)
    + deviation * post["alpha_id"].sel(id=person)
    for name, person, deviation in [
        ("first", first, 1),
        ("second", second, 1),
        ("like the first", first, 0),
    ]
}
expected = {
    name: rng.permutation(draws.values.ravel()).reshape(4, -1) for name, draws in friends.items()
}
# %% differences
differences = {
    "one person": adjusted["within"],
    "two people": adjusted["between"],
    "same evening": adjusted["between"] - adjusted["within"],
}
# %% distorted
kinds = {"within": "both", "between": "within", "both": "between"}
right = "between" if cause.startswith(("a bedroom", "age")) else None
right = right or ("within" if "everyone" in cause else "both")
distorted = kinds[right]
# %% fixed
fixed = "c"
