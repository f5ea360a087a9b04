namespace Datum.Providers;

/// <summary>Ability <see cref="Ability.Offerings"/>: the sizes that can be had, with price and capacity where the platform tells them. Rule DC-105.</summary>
public interface IOfferings
{
    /// <summary>One page. A cursor is self-contained text (DC-59).</summary>
    ValueTask<Answer<CatalogPage<Offering>>> ListOfferingsAsync(Call call, CatalogQuery query, string? cursor);
}

/// <summary>One size at one place.</summary>
public sealed record Offering
{
    /// <summary>The platform's own name of the size, as <see cref="InstanceSize.Native"/> takes it.</summary>
    public required string Native { get; init; }

    /// <summary>Thousandths of a processor.</summary>
    public required int CpuMillis { get; init; }

    /// <summary>Mebibytes.</summary>
    public required int MemoryMiB { get; init; }

    /// <summary>The zone, node pool or region that it holds for; null for the whole location.</summary>
    public string? Zone { get; init; }

    /// <summary>GOARCH word; null when the platform doesn't say.</summary>
    public string? Architecture { get; init; }

    /// <summary>Whether one could be made now; null when the platform doesn't tell before it is tried.</summary>
    public bool? Available { get; init; }

    /// <summary>How many could be made now; null when the platform doesn't say.</summary>
    public int? Remaining { get; init; }

    /// <summary>List price; null when the platform doesn't tell it here.</summary>
    public Price? Price { get; init; }
}

/// <summary>What something costs.</summary>
public sealed record Price
{
    /// <summary>Exact amount, never rounded.</summary>
    public required decimal Amount { get; init; }

    /// <summary>ISO 4217, e.g. <c>USD</c>.</summary>
    public required string Currency { get; init; }

    /// <summary>For how long.</summary>
    public required PricePeriod Period { get; init; }
}

/// <summary>The time that a price is for.</summary>
public enum PricePeriod
{
    /// <summary>Not allowed.</summary>
    Unknown = 0,

    /// <summary>An hour.</summary>
    Hour = 1,

    /// <summary>A calendar month.</summary>
    Month = 2,

    /// <summary>A second.</summary>
    Second = 3,
}
