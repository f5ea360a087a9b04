namespace Datum.Providers;

/// <summary>Ability <see cref="Ability.ChangeFeed"/>: tells the host early that something changed, so that it needn't wait for the next listing. Rule DC-107.</summary>
public interface IChangeFeed
{
    /// <summary>Yields until cancelled or until the platform ends the stream; the host then lists and subscribes again. May name too much, never the truth itself.</summary>
    IAsyncEnumerable<Change> WatchAsync(Call call);
}

/// <summary>A hint that a resource should be observed.</summary>
public sealed record Change
{
    /// <summary>The kind that changed.</summary>
    public required ResourceKind Kind { get; init; }

    /// <summary><see cref="Identity.Name"/> from the mark; null when only the kind is known.</summary>
    public string? Name { get; init; }
}
