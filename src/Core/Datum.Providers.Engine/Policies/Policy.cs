using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Policies;

/// <summary>Policies of one owner for its different entries.</summary>
internal static class Policy
{
    public static ResourcePolicies WithoutAdoption(ResourcePolicies policies) => new()
    {
        Paused = policies.Paused, ObserveOnly = policies.ObserveOnly, Retain = policies.Retain, DeletionProtection = policies.DeletionProtection,
        OnFailure = policies.OnFailure, Drift = policies.Drift, PollIntervalSeconds = policies.PollIntervalSeconds, Adopt = policies.Adopt,
        TerminationGraceSeconds = policies.TerminationGraceSeconds, Unknown = policies.Unknown,
    };
}
