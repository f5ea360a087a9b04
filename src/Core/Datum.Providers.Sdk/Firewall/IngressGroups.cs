using System.Globalization;

namespace Datum.Providers.Sdk;

/// <summary>What a platform's firewall can hold.</summary>
public sealed record IngressLimits
{
    /// <summary>Sources of one rule at most. Default 1.</summary>
    public int MaxSources { get; init; } = 1;

    /// <summary>Port ranges of one rule at most. Default 1.</summary>
    public int MaxPortRanges { get; init; } = 1;

    /// <summary>Rules at most; null for any number.</summary>
    public int? MaxRules { get; init; }

    /// <summary>Whether one rule may hold sources of both families. Default false.</summary>
    public bool MixesFamilies { get; init; }
}

/// <summary>Ports from the first to the last; all of them when <see cref="First"/> is null.</summary>
public sealed record PortRange
{
    /// <summary>1 to 65535; null for all ports.</summary>
    public int? First { get; init; }

    /// <summary>The last port; the first again for a single one, null for all ports.</summary>
    public int? Last { get; init; }

    /// <summary><c>80</c>, <c>80-90</c>, or nothing for all.</summary>
    public override string ToString() =>
        First is null ? "" : First == Last ? First.Value.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{First}-{Last}");
}

/// <summary>One rule at a platform: every port range from every source.</summary>
public sealed record IngressGroup
{
    /// <summary><c>TCP</c>, <c>UDP</c> or <c>SCTP</c>; null for every protocol.</summary>
    public string? Protocol { get; init; }

    /// <summary>The port ranges; one without numbers for all ports.</summary>
    public required ImmutableArray<PortRange> Ports { get; init; }

    /// <summary>The sources.</summary>
    public required ImmutableArray<Cidr> Sources { get; init; }

    /// <summary>The same in the contract's form.</summary>
    public IEnumerable<IngressRule> ToRules() =>
        from ports in Ports
        from source in Sources
        select new IngressRule { Protocol = Protocol, Port = ports.First, EndPort = ports.Last == ports.First ? null : ports.Last, Source = source.ToString() };
}

/// <summary>The groups of a rule set.</summary>
public sealed record IngressGroups
{
    /// <summary>The groups, in order.</summary>
    public required ImmutableArray<IngressGroup> Groups { get; init; }

    /// <summary>
    /// Cuts rules to a platform's limits: sources with the same ports share a rule, port ranges with the same sources too, and what is too long
    /// is cut again. More rules than the platform holds is <see cref="ErrorCode.Unsupported"/> with both numbers.
    /// </summary>
    /// <param name="rules">Rules of the contract; they are made canonical first.</param>
    /// <param name="limits">The limits.</param>
    /// <param name="path">The field at fault, e.g. <c>ingress</c>.</param>
    public static Answer<IngressGroups> Of(IEnumerable<IngressRule> rules, IngressLimits limits, string path)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limits.MaxSources, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(limits.MaxPortRanges, 1);
        var byPorts = IngressRules.Canonical(rules)
            .Select(r => (r.Protocol, Ports: new PortRange { First = r.Port, Last = r.EndPort ?? r.Port }, Source: Cidr.Parse(r.Source)))
            .GroupBy(r => (r.Protocol, r.Ports, V6: !limits.MixesFamilies && r.Source.IsIPv6))
            .Select(g => (g.Key.Protocol, g.Key.Ports, Sources: g.Select(r => r.Source).Order().ToImmutableArray()))
            .GroupBy(g => (g.Protocol, Sources: string.Join(' ', g.Sources)));
        var groups = ImmutableArray.CreateBuilder<IngressGroup>();
        foreach (var same in byPorts)
            foreach (var ports in same.Select(g => g.Ports).Chunk(limits.MaxPortRanges))
                foreach (var sources in same.First().Sources.Chunk(limits.MaxSources))
                    groups.Add(new IngressGroup { Protocol = same.Key.Protocol, Ports = [.. ports], Sources = [.. sources] });
        if (groups.Count > limits.MaxRules)
            return new DriverError
            {
                Code = ErrorCode.Unsupported,
                Effect = Effect.NotApplied,
                Scope = ErrorScope.Resource,
                Field = path,
                Message = $"The policy comes to {groups.Count} rules at the platform, which takes {limits.MaxRules}. Ask for fewer ports or sources.",
            };
        return new IngressGroups { Groups = groups.ToImmutable() };
    }
}
