namespace Datum.Providers;

/// <summary>What a listing asks for.</summary>
public sealed record ListQuery
{
    /// <summary>Only objects that carry this installation's mark.</summary>
    public required string Installation { get; init; }

    /// <summary>One partition (region, zone) when <see cref="KindDescriptor.ListPartition"/> names one; else null.</summary>
    public string? Partition { get; init; }

    /// <summary>Objects a page at most; the platform may give fewer.</summary>
    public int PageSize { get; init; }
}

/// <summary>One page.</summary>
/// <typeparam name="TFacts">The kind's facts.</typeparam>
public sealed record ListPage<TFacts> where TFacts : ResourceFacts
{
    /// <summary>The objects.</summary>
    public required ImmutableArray<Listed<TFacts>> Items { get; init; }

    /// <summary>Cursor of the next page; null on the last.</summary>
    public string? Next { get; init; }

    /// <summary>False when the platform left something out (a zone that didn't answer): then nothing is concluded from absence.</summary>
    public required bool Complete { get; init; }
}

/// <summary>One object of a listing.</summary>
/// <typeparam name="TFacts">The kind's facts.</typeparam>
public sealed record Listed<TFacts> where TFacts : ResourceFacts
{
    /// <summary><see cref="Identity.Name"/> from the mark.</summary>
    public required string Name { get; init; }

    /// <summary><see cref="Identity.Incarnation"/> from the mark; 0 when it holds none.</summary>
    public required long Incarnation { get; init; }

    /// <summary>The object's parts as far as the listing shows them; the first is the main one.</summary>
    public required ImmutableArray<Part> Parts { get; init; }

    /// <summary>How far it is.</summary>
    public required Lifecycle State { get; init; }

    /// <summary>The facts, when <see cref="KindDescriptor.ListingCarriesFacts"/>.</summary>
    public TFacts? Facts { get; init; }

    /// <summary>Changes whenever an observation would report something else; null when the listing can't tell.</summary>
    public string? Revision { get; init; }

    /// <summary>When the platform made it; null when it doesn't say.</summary>
    public DateTimeOffset? CreatedAt { get; init; }
}
