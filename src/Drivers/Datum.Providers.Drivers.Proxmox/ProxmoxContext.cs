using Datum.Providers.Drivers.Proxmox.Api;

namespace Datum.Providers.Drivers.Proxmox;

/// <summary>What all verbs of a session share.</summary>
internal sealed record ProxmoxContext(PveApi Api, ProxmoxSettings Settings, Connection Connection, TimeProvider Time)
{
    /// <summary>How soon to look again where nothing says it better.</summary>
    public static TimeSpan LookAgain => TimeSpan.FromSeconds(2);

    /// <summary>Marks in comments and in aliases, which take 256 characters.</summary>
    public static TextMarks Comments { get; } = new(256);

    /// <summary>There is one buffer of pending network changes, and applying it applies all: one call at a time (DC-5).</summary>
    public SemaphoreSlim SdnLock { get; } = new(1, 1);

    /// <summary>An image is asked for by one call at a time, so that none is downloaded twice.</summary>
    public SemaphoreSlim ImageLock { get; } = new(1, 1);

    /// <summary>Whether the data centre's firewall is on.</summary>
    public Instances.FirewallSwitch Firewall { get; } = new(Time);

    public static Progress Working(string? message = null) => new() { LookAgainAfter = LookAgain, WaitingFor = WaitingFor.Platform, Message = message };
}
