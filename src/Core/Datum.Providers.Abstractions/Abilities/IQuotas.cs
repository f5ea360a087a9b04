namespace Datum.Providers;

/// <summary>Ability <see cref="Ability.Quotas"/>: the limits of the account and what is used of them. Rule DC-106.</summary>
public interface IQuotas
{
    /// <summary>All limits that bear on what this driver makes.</summary>
    ValueTask<Answer<QuotaReport>> ReadQuotasAsync(Call call);
}

/// <summary>The account's limits.</summary>
public sealed record QuotaReport
{
    /// <summary>The limits.</summary>
    public required ImmutableArray<Quota> Quotas { get; init; }

    /// <summary>False when the platform left some out (a region that didn't answer).</summary>
    public required bool Complete { get; init; }
}

/// <summary>One limit.</summary>
public sealed record Quota
{
    /// <summary>The platform's own name, e.g. <c>CPUS</c>; unique together with <see cref="Scope"/>.</summary>
    public required string Name { get; init; }

    /// <summary>The region, zone or project that it holds for; null for the account.</summary>
    public string? Scope { get; init; }

    /// <summary>The kind that it limits; Unknown when it is no kind's (processors, memory).</summary>
    public ResourceKind Kind { get; init; }

    /// <summary>At most; null for no limit.</summary>
    public long? Limit { get; init; }

    /// <summary>Used now; null when the platform doesn't say.</summary>
    public long? Used { get; init; }
}
