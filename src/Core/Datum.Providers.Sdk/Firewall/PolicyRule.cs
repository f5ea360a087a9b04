namespace Datum.Providers.Sdk;

/// <summary>One rule as a user writes it: allow these ports from these sources.</summary>
public sealed record PolicyRule
{
    /// <summary>Ports; empty for all ports of every protocol.</summary>
    public ImmutableArray<PolicyPort> Ports { get => field.IsDefault ? [] : field; init; }

    /// <summary>Sources; empty for every source of both families.</summary>
    public ImmutableArray<PolicySource> From { get => field.IsDefault ? [] : field; init; }
}

/// <summary>Ports of one protocol.</summary>
public sealed record PolicyPort
{
    /// <summary><c>TCP</c>, <c>UDP</c> or <c>SCTP</c>. Default TCP.</summary>
    public string Protocol { get; init; } = "TCP";

    /// <summary>1 to 65535; null for <see cref="Name"/>, or for all ports of the protocol.</summary>
    public int? Port { get; init; }

    /// <summary>The last port of a range that begins at <see cref="Port"/>; null for one port.</summary>
    public int? EndPort { get; init; }

    /// <summary>A port of the target by name.</summary>
    public string? Name { get; init; }
}

/// <summary>A prefix without some that lie in it.</summary>
public sealed record PolicySource
{
    /// <summary>The prefix.</summary>
    public required string Cidr { get; init; }

    /// <summary>Prefixes within it that aren't meant.</summary>
    public ImmutableArray<string> Except { get => field.IsDefault ? [] : field; init; }
}

/// <summary>Rules of the contract's form, or what stands in the way of them.</summary>
public sealed record NormalizedIngress
{
    /// <summary>The rules: one family each, numeric ports, no exceptions, none that another makes needless; in order. Empty denies everything.</summary>
    public required ImmutableArray<IngressRule> Rules { get; init; }

    /// <summary>What can't be said in rules; they are then not to be used.</summary>
    public required ImmutableArray<Finding> Findings { get; init; }
}
