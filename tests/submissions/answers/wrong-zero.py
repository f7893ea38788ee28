# The correlation at the wrong zero; a new person without it; lines made up one quantity at a time
# exercise: lines
# points: people 0, moved 0, newcomer 0, why 0
# feedback: people | Each quantity is right by itself
# feedback: moved | These are the parameters of the model, with zero after the last night.
# feedback: newcomer | What does the model assume about them?
# feedback: why | Is there anything in it that takes a week to show?
# %% people
model = ml.varying_slopes(
    tested,
    "speed",
    ["from_last"],
    "subject",
    "from_last",
    alpha_bar=ml.Prior(pm.Normal, 3, 1),
    beta=ml.Prior(pm.Normal, 0, 0.3),
    sigma_subject=ml.Prior(pm.Exponential, 2),
    sigma_from_last_subject=ml.Prior(pm.Exponential, 5),
    sigma=ml.Prior(pm.Exponential, 2),
)
post = ml.fit(model, seed=SEED, draws=2000, file="fits/speeds")["posterior"].dataset
mean_slope = post["beta"].sel(predictor="from_last", drop=True)
rng = np.random.default_rng(4)
people = {}
for name, label in zip(["first", "second", "third"], people_ids, strict=True):
    level = post["alpha_bar"] + post["alpha_subject"].sel(subject=label)
    slope = mean_slope + post["from_last_subject"].sel(subject=label)
    friends = {"time": 1000 / (level + (night - 7) * slope), "slope": slope}
    for what, draws in friends.items():
        people[f"{name} {what}"] = rng.permutation(draws.values.ravel()).reshape(4, 2000)
# %% moved
moved = {"sd of levels": post["sigma_subject"], "correlation": post["rho_subject"]}
# %% newcomer
size = post["alpha_bar"].shape
last = post["alpha_bar"] + post["sigma_subject"] * rng.normal(size=size)
slope = mean_slope + post["sigma_from_last_subject"] * rng.normal(size=size)
newcomer = {"night": last + (night - 7) * slope, "last": last}
# %% why
why = "a"
