# The model written by hand, with levels in place of deviations, and slopes by name
# exercise: within-between
# points: slopes 1, adjusted 2, expected 3, differences 2, distorted 1, fixed 1
# %% slopes
who = diary["id"].to_numpy() - 1
x = {name: diary[name].to_numpy(float) for name in ("within", "between", "deadline")}
place = usual.to_numpy() - 3


def posterior_of(names):
    with pm.Model(coords={"row": diary.index}) as model:
        slope = {name: pm.Normal(name, 0, 1) for name in names}
        sd_people, sd_nights = (pm.Exponential(f"sd_{k}", 1) for k in ("people", "nights"))
        centre = pm.Normal("centre", 7, 1) + slope["between"] * place
        level = pm.Normal("level", centre, sd_people, shape=people)
        mu = level[who]
        for name in names:
            if name != "between":
                mu = mu + slope[name] * x[name]
        observed = diary["sleep"].to_numpy()
        pm.Normal("sleep", mu, sd_nights, observed=observed, dims="row")
    return ml.fit(model, seed=12, draws=1500)["posterior"].dataset


post = posterior_of(["within", "between"])
slopes = {name: post[name] for name in ("within", "between")}
# %% adjusted
post = posterior_of(["within", "between", "deadline"])
adjusted = {name: post[name] for name in ("within", "between", "deadline")}
# %% expected
mine = {"first": first, "second": second}
expected = {
    name: post["level"][..., one - 1] + post["within"] * (hours - usual[one])
    for name, one in mine.items()
}
expected["like the first"] = (
    post["centre"] + post["between"] * (usual[first] - 3) + post["within"] * (hours - usual[first])
)
# %% differences
distance = usual[second] - usual[first]
differences = {
    "one person": post["within"] * (hours - usual[first]),
    "two people": post["between"] * distance,
    "same evening": post["between"] * distance - post["within"] * distance,
}
# %% distorted
if cause.startswith(("a bedroom", "age")):
    distorted = "between"
else:
    distorted = "within" if "everyone" in cause else "both"
# %% fixed
fixed = "b"
