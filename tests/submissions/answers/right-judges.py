# Written by hand with a Cholesky factor, and another seed
# exercise: judges
# points: spreads 3, slopes 3, changes 2, guess 1
# %% spreads
from multilevel.likelihoods import ordered_logistic_logp
from pymc.distributions.transforms import ordered
from scipy.special import expit

person, labels = pd.factorize(some["id"], sort=True)
x = some[["doing", "intention"]].to_numpy(float)
code = some["response"].cat.codes.to_numpy()
with pm.Model(coords={"id": labels, "row": some.index}) as by_hand:
    at_mean = pm.Normal(
        "at_mean", 0, 1.5, transform=ordered, initval=np.linspace(-1.5, 1.5, 6), shape=6
    )
    beta = pm.Normal("beta", 0, 0.5, shape=2)
    factor, R, sds = pm.LKJCholeskyCov("L", n=3, eta=2, sd_dist=pm.Exponential.dist(1, shape=3))
    z = pm.Normal("z", 0, 1, shape=(len(labels), 3))
    effect = pm.Deterministic("effect", z @ factor.T)
    eta = effect[person, 0] + (x * (beta + effect[person, 1:])).sum(axis=1)
    cuts = pm.Deterministic("cuts", at_mean + (x.mean(axis=0) * beta).sum())
    pm.CustomDist(
        "response",
        pm.math.exp(eta),
        cuts,
        logp=lambda y, *given: ordered_logistic_logp(y, *given),
        signature="(),(cut)->()",
        observed=code,
        dims="row",
    )
by_hand_fit = ml.fit(
    by_hand,
    seed=11,
    draws=2500,
    tune=600,
    chains=2,
    target_accept=0.8,
    keep_log_likelihood=False,
)
post = by_hand_fit["posterior"].dataset
sd, rho = post["L_stds"].to_numpy(), post["L_corr"].to_numpy()
spreads = {"sigma_doing": sd[..., 1], "sigma_intention": sd[..., 2], "rho": rho[..., 1, 2]}
# %% slopes
mine = [list(labels).index(judge) for judge in judges]
of_mine = post["effect"].to_numpy()[:, :, mine]
slope = post["beta"].to_numpy()[:, :, None] + of_mine[..., 1:]
slopes = slope[..., 0]
# %% changes
last = post["cuts"].to_numpy()[:, :, None, 3]
base = of_mine[..., 0] + slope[..., 1] - last
changes = expit(base + slope[..., 0]) - expit(base)
# %% guess
guess = "closer to zero"
