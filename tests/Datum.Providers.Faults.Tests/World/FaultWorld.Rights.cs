using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Faults.Tests.World;

/// <summary>What the hosts may do now, as the oracle sees it.</summary>
internal sealed partial class FaultWorld
{
    /// <summary>Why nothing may be changed at the platform now; null when it may.</summary>
    public string? PausedBy { get; set; }

    /// <summary>An object without our mark that policies allow to take over.</summary>
    public Func<CloudObject, bool> MayAdopt { get; set; } = static _ => false;

    /// <summary>Somebody cloned one of our objects with its mark: the platform's audit can't tell.</summary>
    public bool HasCopies { get; set; }

    /// <summary>An entry that a person gave up.</summary>
    public Func<string, bool> MayAbandon { get; set; } = static _ => false;

    /// <summary>L10: whoever changes something holds the lease by the API server's own record.</summary>
    public void LeaseHolds(Life life, string what)
    {
        if (!Hosts.Any(h => h.Life == life && h.UsesLease))
            return;
        var lease = Plane.Peek(Core.Leases, "datum-providers", "datum-providers");
        if (lease?.Spec?.HolderIdentity != life.Name)
            Oracle.Break($"L10: {what} by {life.Name}, the lease is {lease?.Spec?.HolderIdentity}'s");
        else if (lease.Spec.RenewTime is { } renewed && Time.Now > renewed + TimeSpan.FromSeconds(lease.Spec.LeaseDurationSeconds ?? 15))
            Oracle.Break($"L10: {what} by {life.Name}, whose lease ran out");
    }
}
