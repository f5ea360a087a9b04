using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Networking;

/// <summary>
/// Answers NetworkPolicies (law L11): the kind has no members, neither a selector nor rules, so nothing can be made from one. Whoever writes one
/// has to know that nothing is protected by it.
/// </summary>
internal sealed class NetworkPolicyController : CoreController
{
    private readonly Stored<NetworkPolicy> _policies;

    public NetworkPolicyController(CorePlane plane, Stored<NetworkPolicy> policies) : base("networkpolicy", plane)
    {
        _policies = policies;
        Own(policies.Cache);
    }

    protected override async Task<Result> ReconcileAsync(ObjectKey key, CancellationToken cancellation)
    {
        if (_policies.Find(key) is not { IsDeleting: false } policy)
            return Result.Settled;
        var after = _policies.Copy(policy);
        var conditions = (after.Status ??= new()).Conditions ??= [];
        var members = policy.Spec?.Unknown is { Count: > 0 } unknown ? $"{string.Join(", ", unknown.Keys.Order(StringComparer.Ordinal).Take(10).Select(k => $"spec.{k}"))}: " : "";
        Conditions.Set(conditions, ConditionTypes.Ready, ConditionStatus.False, Reasons.Unsupported,
            $"{members}NetworkPolicy has no members in this version of the API, so nothing is allowed or forbidden by it. Write the rules into networkInterfaces[].networkPolicy of the template.",
            policy.Metadata.Generation, Plane.Now);
        await _policies.UpdateStatusAsync(policy, after, cancellation);
        await Plane.TellAsync(ResourceTypes.NetworkPolicies, policy, ConditionTypes.Ready, policy.Status?.Conditions, conditions, cancellation);
        return Result.Settled;
    }
}
