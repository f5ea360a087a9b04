namespace Datum.Providers.Drivers.Podman.Firewall;

/// <summary>Packet filter of one network namespace: the only thing that Podman's API can't do.</summary>
internal interface INetworkNamespaceFirewall
{
    /// <summary>Why rules can't be enforced here, as a sentence; null when they can.</summary>
    string? Unavailable { get; }

    /// <summary>The table that is loaded, or null without one. <paramref name="netns"/> is a path such as <c>/run/netns/netns-…</c>.</summary>
    ValueTask<Answer<LoadedTable>> ReadAsync(string netns, CancellationToken cancellation);

    /// <summary>Loads a whole ruleset in one transaction. Null on success.</summary>
    ValueTask<DriverError?> ApplyAsync(string netns, string ruleset, CancellationToken cancellation);
}

/// <summary>What is loaded in a namespace.</summary>
internal sealed record LoadedTable
{
    /// <summary>True when our table is there.</summary>
    public required bool Exists { get; init; }

    /// <summary>The hash that the ruleset carries in a comment; null without one.</summary>
    public string? Hash { get; init; }

    /// <summary>Rules in the input chain.</summary>
    public int Rules { get; init; }

    /// <summary>True when the chain hooks into input and drops by default.</summary>
    public bool DropsByDefault { get; init; }

    public static LoadedTable None { get; } = new() { Exists = false };
}

/// <summary>Podman on another machine: its namespaces can't be entered from here.</summary>
internal sealed class RemoteFirewall : INetworkNamespaceFirewall
{
    public string? Unavailable => "Podman isn't reached through a unix socket, so its pods' network namespaces can't be entered from the host.";

    public ValueTask<Answer<LoadedTable>> ReadAsync(string netns, CancellationToken cancellation) => new(Refuse());

    public ValueTask<DriverError?> ApplyAsync(string netns, string ruleset, CancellationToken cancellation) => new(Refuse());

    private DriverError Refuse() => new() { Code = ErrorCode.Unsupported, Effect = Effect.NotApplied, Message = Unavailable! };
}
