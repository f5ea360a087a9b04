namespace Datum.Providers;

/// <summary>Ability <see cref="Ability.ImageCatalog"/>: the boot or container images that the account can use, so that a person can fill ProviderConfig <c>images</c>. Rule DC-104.</summary>
public interface IImageCatalog
{
    /// <summary>One page. A cursor is self-contained text (DC-59).</summary>
    ValueTask<Answer<CatalogPage<PlatformImage>>> ListImagesAsync(Call call, CatalogQuery query, string? cursor);
}

/// <summary>What a catalogue is asked for.</summary>
public sealed record CatalogQuery
{
    /// <summary>The location block that the answer shall hold for, as JSON text; null for the whole account.</summary>
    public string? LocationJson { get; init; }

    /// <summary>Part of the name; null for all.</summary>
    public string? Search { get; init; }

    /// <summary>Entries a page at most; the platform may give fewer. 0 for the driver's own choice.</summary>
    public int PageSize { get; init; }
}

/// <summary>One page of a catalogue.</summary>
/// <typeparam name="T">The entries.</typeparam>
public sealed record CatalogPage<T>
{
    /// <summary>The entries.</summary>
    public required ImmutableArray<T> Items { get; init; }

    /// <summary>Cursor of the next page; null on the last.</summary>
    public string? Next { get; init; }
}

/// <summary>One image.</summary>
public sealed record PlatformImage
{
    /// <summary>What ProviderConfig <c>images</c> would hold: the platform's own id or family.</summary>
    public required string Id { get; init; }

    /// <summary>For people.</summary>
    public string? Name { get; init; }

    /// <summary>A name that always means the newest image of a line; null when there is none.</summary>
    public string? Family { get; init; }

    /// <summary><c>amd64</c>, <c>arm64</c> and so on (GOARCH words); null when the platform doesn't say.</summary>
    public string? Architecture { get; init; }

    /// <summary>The smallest boot disk in whole GiB; null when the platform doesn't say.</summary>
    public int? MinDiskGiB { get; init; }

    /// <summary>When it was made; null when the platform doesn't say.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>True when the platform advises against it. Default false.</summary>
    public bool Deprecated { get; init; }
}
