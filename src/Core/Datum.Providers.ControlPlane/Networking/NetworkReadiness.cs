using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.ControlPlane.Networking;

/// <summary>The Ready condition of an object of the networking chain.</summary>
public sealed record NetworkReadiness(string Status, string Reason, string Message)
{
    internal static NetworkReadiness False(string reason, string message) => new(ConditionStatus.False, reason, message);

    /// <summary>A context is Ready exactly while it is Programmed.</summary>
    public static NetworkReadiness OfContext(NetworkContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return OfProgrammed(context.Status?.Conditions, "The network is programmed in the Location.");
    }

    /// <summary>A Subnet is Ready exactly while it has a range and is Programmed.</summary>
    public static NetworkReadiness OfSubnet(IReadOnlyList<Condition> conditions)
    {
        var allocated = Conditions.Find(conditions, ConditionTypes.Allocated);
        return allocated?.Status == ConditionStatus.True
            ? OfProgrammed(conditions, "The subnet is programmed in the Location.")
            : False(allocated?.Reason ?? Reasons.Pending, allocated?.Message ?? "Waits for a range.");
    }

    /// <summary>A binding follows its context. That the network can't be made is told by its own reason.</summary>
    public static NetworkReadiness OfBinding(NetworkContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.IsDeleting)
            return False(Reasons.NetworkContextNotReady, $"NetworkContext {context.Metadata.Name} is being deleted.");
        // Read from Programmed itself, so that a Ready that isn't brought up to date yet doesn't open a gate.
        var programmed = Conditions.Find(context.Status?.Conditions, ConditionTypes.Programmed);
        if (programmed is { Status: ConditionStatus.False, Reason: Reasons.NetworkFailedToCreate })
            return False(Reasons.NetworkFailedToCreate, programmed.Message);
        return programmed?.Status == ConditionStatus.True && Conditions.IsTrue(context.Status?.Conditions, ConditionTypes.Ready)
            ? new(ConditionStatus.True, Reasons.NetworkContextReady, $"NetworkContext {context.Metadata.Name} is ready.")
            : False(Reasons.NetworkContextNotReady, programmed is null || programmed.Message.Length == 0
                ? $"NetworkContext {context.Metadata.Name} isn't programmed."
                : $"NetworkContext {context.Metadata.Name}: {programmed.Reason}: {programmed.Message}");
    }

    /// <summary>A claim follows its Subnet.</summary>
    public static NetworkReadiness OfClaim(Subnet subnet)
    {
        ArgumentNullException.ThrowIfNull(subnet);
        var name = subnet.Metadata.Name;
        if (subnet.IsDeleting)
            return False(Reasons.SubnetNotReady, $"Subnet {name} is being deleted.");
        var ready = Conditions.Find(subnet.Status?.Conditions, ConditionTypes.Ready);
        return ready?.Status == ConditionStatus.True
            ? new(ConditionStatus.True, Reasons.SubnetReady, $"Subnet {name} is ready.")
            : False(Reasons.SubnetNotReady, ready is null ? $"Subnet {name} isn't ready yet." : $"Subnet {name}: {ready.Reason}: {ready.Message}");
    }

    private static NetworkReadiness OfProgrammed(IEnumerable<Condition>? conditions, string good)
    {
        var programmed = Conditions.Find(conditions, ConditionTypes.Programmed);
        return programmed?.Status switch
        {
            ConditionStatus.True => new(ConditionStatus.True, Reasons.Ready, good),
            ConditionStatus.Unknown when programmed.Reason.Length > 0 && programmed.Reason != Reasons.Pending => new(ConditionStatus.Unknown, programmed.Reason, programmed.Message),
            ConditionStatus.False when programmed.Reason.Length > 0 => False(programmed.Reason, programmed.Message),
            _ => False(Reasons.NotProgrammed, "Waits for the provider."),
        };
    }
}
