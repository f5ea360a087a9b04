using Datum.Providers.Drivers.Proxmox.Cluster;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>What all reads of one look found.</summary>
internal sealed record InstanceLook
{
    public required FoundMachine Machine { get; init; }
    public string? Status { get; init; }

    /// <summary>Read with the status; zero where a guest that reports made that needless.</summary>
    public TimeSpan Uptime { get; init; }

    public Notes? Notes { get; init; }
    public FirewallState? Firewall { get; init; }

    /// <summary>What has still to be done before the first start.</summary>
    public Step? Build { get; init; }

    /// <summary>Set when the platform is at work on <see cref="Build"/> already, for a host that lost its handle.</summary>
    public Progress? Busy { get; init; }

    public bool AgentUp { get; init; }
    public bool HasSecrets { get; init; }

    /// <summary>Whether the handle says that the guest is being waited for.</summary>
    public bool Awaited { get; init; }

    /// <summary>Whether the guest should have reported long ago, and never has.</summary>
    public bool IsOverdue { get; init; }

    public GuestReport? Report { get; init; }

    public bool IsRunning => Status == "running";

    public bool IsBooted => Notes?.Booted == true;
}

/// <summary>A file of the guest as its agent gave it.</summary>
internal sealed record GuestRead
{
    /// <summary>Null when there is no such file, or no agent.</summary>
    public string? Content { get; init; }

    /// <summary>Whether the agent answered at all.</summary>
    public bool Up { get; init; }

    /// <summary>Whether the platform says that the machine runs and its agent doesn't answer yet.</summary>
    public bool IsStarting { get; init; }

    /// <summary>The node's time.</summary>
    public string? Date { get; init; }

    /// <summary>The platform's refusal, not the guest's.</summary>
    public DriverError? Error { get; init; }
}
