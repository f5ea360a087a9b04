namespace Datum.Providers.Clouds.Gcp;

/// <summary>What sort of day the platform has. Everything is off by default: operations end at once, nothing is hidden, nothing is full.</summary>
public sealed record GcpKnobs
{
    /// <summary>How long operations take, by collection (<c>instances</c>); those that aren't named take <see cref="DefaultDuration"/>.</summary>
    public ImmutableDictionary<string, TimeSpan> Durations { get => field ?? ImmutableDictionary<string, TimeSpan>.Empty; init; }

    /// <summary>How long operations of other collections take.</summary>
    public TimeSpan DefaultDuration { get; init; }

    /// <summary>How long a guest takes from RUNNING to its first report on the serial port; null: it never reports by itself.</summary>
    public TimeSpan? GuestBoot { get; init; } = TimeSpan.Zero;

    /// <summary>Guests' reports stop from then on.</summary>
    public DateTimeOffset? GuestsSilentFrom { get; init; }

    /// <summary>How long a new object is missing from lists, and a removed one still shown.</summary>
    public TimeSpan ListLag { get; init; }

    /// <summary>Networks, subnetworks, firewalls and addresses answer 404 until their insert is done. Default true.</summary>
    public bool HideUntilDone { get; init; } = true;

    /// <summary>Objects at most by collection; one more is refused in the operation with QUOTA_EXCEEDED.</summary>
    public ImmutableDictionary<string, int> Quotas { get => field ?? ImmutableDictionary<string, int>.Empty; init; }

    /// <summary>Zones without room: an instance's operation ends in ZONE_RESOURCE_POOL_EXHAUSTED.</summary>
    public ImmutableHashSet<string> FullZones { get => field ?? []; init; }

    /// <summary>Zones and regions that don't answer, and <c>global</c>.</summary>
    public ImmutableHashSet<string> Unreachable { get => field ?? []; init; }

    /// <summary>Aggregated lists leave out what doesn't answer and say so; else they fail as a whole. Default true.</summary>
    public bool PartialLists { get; init; } = true;

    /// <summary>Every request is refused with 403 rateLimitExceeded and this Retry-After.</summary>
    public TimeSpan? Throttled { get; init; }

    /// <summary>Objects a page at most, whatever is asked for.</summary>
    public int? PageSize { get; init; }

    /// <summary>How far the platform's clock runs ahead.</summary>
    public TimeSpan Skew { get; init; }

    /// <summary>Permissions that the caller lacks, e.g. <c>compute.instances.create</c>; with a star at the end for all that begin so.</summary>
    public ImmutableHashSet<string> Denied { get => field ?? []; init; }

    /// <summary>Whether a bearer token that the double gave out is needed. Default false: any caller is let in.</summary>
    public bool NeedsToken { get; init; }

    /// <summary>How long a requestId is remembered.</summary>
    public TimeSpan RequestIdLife { get; init; } = TimeSpan.FromHours(1);
}
